SELECT * FROM provider_attempts WHERE run_id = :run_id ORDER BY first_at;
