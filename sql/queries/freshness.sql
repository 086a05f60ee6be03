-- How fresh each region is: its last complete session, what it covered, when it was known and when the replica was made.
SELECT
    standing.region,
    standing.last_complete_session,
    standing.last_session,
    standing.coverage,
    max(bar.known_at) AS known_at,
    count(bar.ticker) AS bars,
    max(info.published_at) AS published_at,
    max(date_diff('day', standing.last_complete_session, info.as_of::DATE)) AS days_old
FROM region_state AS standing
CROSS JOIN replica_info AS info
LEFT JOIN ohlcv_data AS bar
    ON bar.region = standing.region
    AND bar.date = standing.last_complete_session
GROUP BY ALL
ORDER BY standing.region;
