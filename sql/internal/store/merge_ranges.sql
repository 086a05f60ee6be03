-- A range only grows at its beginning; a last session, once known, is replaced by newer evidence only.
INSERT INTO listing_ranges
SELECT * FROM incoming
ON CONFLICT (region, ticker) DO UPDATE SET
    asked_from = least(asked_from, excluded.asked_from),
    first_session = least(first_session, excluded.first_session),
    last_session = coalesce(excluded.last_session, last_session),
    evidence = excluded.evidence,
    provider = excluded.provider,
    known_at = excluded.known_at,
    run_id = excluded.run_id;
