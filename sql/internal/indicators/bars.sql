-- Bars of a timeframe of the tickers of `stale` (ticker, start) between $first and $last, each from its start on: adjusted days,
-- complete weeks, complete months.
WITH bars AS (
    SELECT region, ticker, timeframe, date, high, low, close, provider, known_at
    FROM ohlcv_adjusted
    UNION ALL
    SELECT region, ticker, timeframe, date, high, low, close, provider, known_at
    FROM ohlcv_weekly
    WHERE complete
    UNION ALL
    SELECT region, ticker, timeframe, date, high, low, close, provider, known_at
    FROM ohlcv_monthly
    WHERE complete
)
SELECT bar.*
FROM bars AS bar
JOIN stale
    ON stale.ticker = bar.ticker
    AND bar.date >= stale.start
WHERE bar.timeframe = $timeframe
    AND bar.region = $region
    AND bar.ticker BETWEEN $first AND $last
ORDER BY bar.ticker, bar.date;
