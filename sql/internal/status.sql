SELECT
    standing.region,
    standing.last_complete_session,
    standing.last_session,
    standing.coverage,
    bars.tickers,
    bars.rows,
    bars.first_session,
    origin.origin,
    info.as_of,
    info.published_at
FROM region_state AS standing
LEFT JOIN (
    SELECT region, count(DISTINCT ticker) AS tickers, count(*) AS rows, min(date) AS first_session
    FROM ohlcv_data
    GROUP BY region
) AS bars USING (region)
CROSS JOIN store_origin AS origin
CROSS JOIN replica_info AS info
ORDER BY standing.region;
