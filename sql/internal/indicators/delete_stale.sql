-- Indicators of the tickers of `stale` (ticker, since) from their first stale date on.
DELETE FROM technical_analysis AS ta
USING stale
WHERE ta.region = $region
    AND ta.timeframe = $timeframe
    AND ta.ticker = stale.ticker
    AND ta.date >= stale.since;
