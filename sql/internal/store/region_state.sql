SELECT last_complete_session, last_session, coverage, run_id
FROM region_state
WHERE region = $region;
