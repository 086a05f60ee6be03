-- The indicators of a region now follow these runs (`owed`).
INSERT OR REPLACE INTO indicator_runs
SELECT $region, run_id, batches
FROM owed;
