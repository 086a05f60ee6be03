-- The closes that stand for the cells of `came`, and the last day whose splits they contain: of bars as traded their own.
SELECT bar.ticker, bar.date, bar.close, coalesce(bar.adjusted_through, bar.date) AS adjusted_through
FROM ohlcv_data AS bar
JOIN came
    ON came.ticker = bar.ticker
    AND came.date = bar.date
WHERE bar.region = $region
    AND bar.date BETWEEN $first AND $last;
