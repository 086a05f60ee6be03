-- The bars of each region's last complete session, with the move against the bar before.
SELECT
    bar.region,
    bar.ticker,
    coalesce(listing.name, listing.local_name) AS name,
    bar.date,
    bar.close,
    bar.currency,
    round(100 * (bar.close / previous.close - 1), 2) AS move_percent,
    bar.volume,
    bar.provider
FROM region_state AS standing
JOIN ohlcv_adjusted AS bar
    ON bar.region = standing.region
    AND bar.date = standing.last_complete_session
LEFT JOIN instruments AS listing
    ON listing.region = bar.region
    AND listing.ticker = bar.ticker
    AND listing.valid_until IS NULL
ASOF LEFT JOIN ohlcv_adjusted AS previous
    ON previous.region = bar.region
    AND previous.ticker = bar.ticker
    AND bar.date > previous.date
ORDER BY bar.region, move_percent DESC NULLS LAST, bar.ticker;
