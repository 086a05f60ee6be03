-- Rows that a run refused, by rule.
SELECT rule, count(*) AS rows, count(DISTINCT ticker) AS tickers, min(date) AS first, max(date) AS last, arg_max(reason, date) AS reason
FROM quarantine
WHERE run_id = $run_id
GROUP BY rule
ORDER BY rows DESC, rule;
