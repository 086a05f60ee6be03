-- Adjusted bars of a region's last complete session, with their indicators.
SELECT
    bar.region,
    bar.ticker,
    coalesce(listing.name, listing.local_name) AS name,
    bar.date,
    bar.open,
    bar.high,
    bar.low,
    bar.close,
    bar.volume,
    bar.amount,
    bar.currency,
    ta.* EXCLUDE (region, ticker, timeframe, date, provider, known_at, run_id),
    bar.provider,
    bar.finality,
    bar.known_at
FROM ohlcv_adjusted AS bar
LEFT JOIN technical_analysis AS ta
    ON ta.region = bar.region
    AND ta.ticker = bar.ticker
    AND ta.timeframe = bar.timeframe
    AND ta.date = bar.date
LEFT JOIN instruments AS listing
    ON listing.region = bar.region
    AND listing.ticker = bar.ticker
    AND listing.valid_until IS NULL
WHERE bar.region = $region
    AND bar.date = (SELECT last_complete_session FROM region_state WHERE region = $region)
ORDER BY bar.ticker;
