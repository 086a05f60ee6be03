UPDATE spool
SET committed_at = :at
WHERE run_id = :run_id
    AND committed_at IS NULL
    AND (:batch_id IS NULL OR batch_id = :batch_id);
