SELECT batch_id
FROM commits
WHERE run_id = $run_id;
