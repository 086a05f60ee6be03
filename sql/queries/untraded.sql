-- Sessions without trading by ticker: how many of which kind, first and last.
SELECT region, ticker, state, count(*) AS sessions, min(date) AS first, max(date) AS last
FROM session_states
WHERE state NOT IN ('gap', 'quarantined')
GROUP BY region, ticker, state
ORDER BY region, sessions DESC, ticker;
