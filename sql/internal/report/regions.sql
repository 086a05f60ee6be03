-- Where each region stands: one row a region that has data.
SELECT
    standing.region,
    standing.last_complete_session,
    standing.last_session,
    standing.coverage,
    bars.tickers,
    bars.bars,
    bars.final,
    standing.updated_at
FROM region_state AS standing
LEFT JOIN (
    SELECT region, count(DISTINCT ticker) AS tickers, count(*) AS bars, count(*) FILTER (finality = 'final') AS final
    FROM ohlcv_data
    GROUP BY region
) AS bars
    ON bars.region = standing.region
ORDER BY standing.region;
