DELETE FROM stages WHERE run_id = :run_id;
