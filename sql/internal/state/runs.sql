SELECT *
FROM runs
WHERE :region IS NULL OR region = :region
ORDER BY started_at DESC, run_id
LIMIT :limit;
