UPDATE runs
SET requests = :requests,
    seconds = seconds + :seconds
WHERE run_id = :run_id;
