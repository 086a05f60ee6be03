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
    ta.ma5,
    ta.ma20,
    ta.ma60,
    ta.ma120,
    ta.ma200,
    ta.rsi_14,
    ta.macd,
    ta.macd_signal,
    ta.macd_hist,
    ta.bb_upper,
    ta.bb_middle,
    ta.bb_lower,
    ta.atr_14,
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
