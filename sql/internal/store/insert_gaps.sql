-- Cells nobody answered for.
INSERT INTO session_states
SELECT
    $region,
    expected.ticker,
    expected.date,
    'gap',
    coalesce(reasons.reason, 'no row and no answer that explains it'),
    NULL,
    1,
    $provider,
    expected.known_at,
    $run_id
FROM expected
LEFT JOIN reasons
    ON reasons.ticker = expected.ticker
ANTI JOIN ohlcv_data AS bar
    ON bar.region = $region
    AND bar.ticker = expected.ticker
    AND bar.date = expected.date
ANTI JOIN session_states AS standing
    ON standing.region = $region
    AND standing.ticker = expected.ticker
    AND standing.date = expected.date
ORDER BY expected.ticker, expected.date;
