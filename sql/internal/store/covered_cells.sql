-- Cells of a region that need no question any more: a bar, or an explanation.
SELECT ticker, date
FROM ohlcv_data
WHERE region = $region
    AND date BETWEEN $first AND $last
UNION ALL
SELECT ticker, date
FROM session_states
WHERE region = $region
    AND date BETWEEN $first AND $last
    AND state NOT IN ('gap', 'quarantined');
