INSERT INTO stages (run_id, stage, status, started_at)
VALUES (:run_id, :stage, 'running', :at)
ON CONFLICT (run_id, stage) DO UPDATE SET
    status = 'running',
    started_at = excluded.started_at,
    ended_at = NULL,
    seconds = NULL,
    detail = NULL;
