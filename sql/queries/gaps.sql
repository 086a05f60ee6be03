-- Cells that should hold a bar and do not, newest first, and why.
SELECT region, ticker, date, state, reason, asked, provider, run_id
FROM session_states
WHERE state IN ('gap', 'quarantined')
ORDER BY date DESC, region, ticker;
