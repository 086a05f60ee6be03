-- Cells of a run's span without a bar and without an explanation, by ticker.
SELECT ticker, state, count(*) AS sessions, min(date) AS first, max(date) AS last, arg_max(reason, date) AS reason
FROM session_states
WHERE region = $region
    AND date BETWEEN $first AND $last
    AND state IN ('gap', 'quarantined')
GROUP BY ticker, state
ORDER BY sessions DESC, ticker, state;
