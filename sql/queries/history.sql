-- The newest 250 bars of one ticker ($region, $ticker), share-count adjusted, with their indicators.
SELECT
    bar.region,
    bar.ticker,
    bar.date,
    bar.open,
    bar.high,
    bar.low,
    bar.close,
    bar.volume,
    bar.currency,
    ta.* EXCLUDE (region, ticker, timeframe, date, provider, known_at, run_id),
    bar.provider,
    bar.finality
FROM ohlcv_adjusted AS bar
LEFT JOIN technical_analysis AS ta
    ON ta.region = bar.region
    AND ta.ticker = bar.ticker
    AND ta.timeframe = bar.timeframe
    AND ta.date = bar.date
WHERE bar.region = $region
    AND bar.ticker = $ticker
ORDER BY bar.date DESC
LIMIT 250;
