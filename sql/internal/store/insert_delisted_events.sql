INSERT INTO instrument_events (region, ticker, event_date, kind, detail, provider, known_at, run_id)
SELECT region, ticker, last_session, 'delisted', evidence, provider, known_at, run_id
FROM incoming
WHERE last_session IS NOT NULL
ON CONFLICT DO NOTHING;
