UPDATE stages
SET status = :status,
    ended_at = :at,
    seconds = :seconds,
    detail = :detail
WHERE run_id = :run_id
    AND stage = :stage;
