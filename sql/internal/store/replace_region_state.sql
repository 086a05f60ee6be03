INSERT OR REPLACE INTO region_state (region, last_complete_session, last_session, coverage, run_id, updated_at)
VALUES ($region, $last_complete_session, $last_session, $coverage, $run_id, $updated_at);
