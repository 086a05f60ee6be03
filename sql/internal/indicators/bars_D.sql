-- Adjusted daily bars of the tickers of `stale` (ticker, start) between $first and $last, each from its start on.
SELECT
    bar.region,
    bar.ticker,
    bar.timeframe,
    bar.date,
    bar.high,
    bar.low,
    bar.close,
    bar.provider,
    bar.known_at
FROM ohlcv_adjusted AS bar
JOIN stale
    ON stale.ticker = bar.ticker
    AND bar.date >= stale.start
WHERE bar.region = $region
    AND bar.ticker BETWEEN $first AND $last
ORDER BY bar.ticker, bar.date;
