SELECT * FROM stages WHERE run_id = :run_id ORDER BY started_at, rowid;
