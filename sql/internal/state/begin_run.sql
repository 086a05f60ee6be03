-- A run that was cut off or broke goes on as the same attempt, with its spool; one that had ended begins the next (:again = 1).
INSERT INTO runs (
    run_id, kind, region, first_session, target_session, origin, status, attempt, as_of, started_at
)
VALUES (
    :run_id, :kind, :region, :first_session, :target_session, :origin, 'running', 1, :as_of, :started_at
)
ON CONFLICT (run_id) DO UPDATE SET
    attempt = attempt + :again,
    first_session = min(first_session, excluded.first_session),
    status = 'running',
    as_of = excluded.as_of,
    ended_at = NULL,
    error = NULL
RETURNING attempt;
