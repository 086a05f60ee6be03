INSERT OR REPLACE INTO session_coverage
SELECT
    $region,
    expected.venue,
    expected.date,
    count(*),
    count(*) FILTER (bar.close IS NOT NULL),
    count(*) FILTER (bar.close IS NULL AND standing.state NOT IN ('gap', 'quarantined')),
    count(*) FILTER (bar.close IS NULL AND standing.state = 'gap'),
    count(*) FILTER (bar.close IS NULL AND standing.state = 'quarantined'),
    $run_id
FROM expected
LEFT JOIN ohlcv_data AS bar
    ON bar.region = $region
    AND bar.ticker = expected.ticker
    AND bar.date = expected.date
LEFT JOIN session_states AS standing
    ON standing.region = $region
    AND standing.ticker = expected.ticker
    AND standing.date = expected.date
GROUP BY expected.venue, expected.date
ORDER BY expected.venue, expected.date;
