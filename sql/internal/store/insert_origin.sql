INSERT INTO store_origin (origin, since, run_id) VALUES ($origin, $since, $run_id);
