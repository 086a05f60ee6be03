-- Rows a rule refused, newest first, as they came.
SELECT region, ticker, date, rule, reason, raw, provider, run_id
FROM quarantine
ORDER BY known_at DESC, region, ticker, date;
