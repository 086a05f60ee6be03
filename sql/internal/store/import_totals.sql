-- What the batches of one reading of a file came to.
SELECT
    coalesce(sum(received), 0)::BIGINT,
    coalesce(sum(stored), 0)::BIGINT,
    coalesce(sum(revised), 0)::BIGINT,
    coalesce(sum(confirmed), 0)::BIGINT,
    coalesce(sum(explained), 0)::BIGINT,
    coalesce(sum(refused), 0)::BIGINT,
    coalesce(sum(repeated), 0)::BIGINT
FROM commits
WHERE run_id = $run_id
    AND starts_with(batch_id, $prefix);
