-- Listings nobody had seen before.
INSERT INTO instrument_events (region, ticker, event_date, kind, detail, provider, known_at, run_id)
SELECT region, ticker, coalesce(listed_from, $today), 'listed', local_name, provider, known_at, run_id
FROM incoming
WHERE (region, ticker) NOT IN (SELECT (region, ticker) FROM instruments)
ON CONFLICT DO NOTHING;
