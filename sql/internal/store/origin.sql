SELECT origin, run_id FROM store_origin;
