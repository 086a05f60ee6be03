INSERT INTO region_status (region, status, since, reason)
VALUES (:region, :status, :at, :reason)
ON CONFLICT (region) DO UPDATE SET
    status = excluded.status,
    since = excluded.since,
    reason = excluded.reason;
