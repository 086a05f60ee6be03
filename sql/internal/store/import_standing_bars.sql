-- Bars that stand for the tickers of `wanted`, between its dates.
SELECT bar.*
FROM ohlcv_data AS bar
SEMI JOIN wanted
    ON wanted.ticker = bar.ticker
WHERE bar.region = $region
    AND bar.date BETWEEN $first AND $last;
