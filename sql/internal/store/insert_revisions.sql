INSERT INTO ohlcv_revisions
SELECT bar.*, $run_id, standing.new_provider, $at, 'restated'
FROM ohlcv_data AS bar
JOIN standing ON standing.row_id = bar.rowid
WHERE standing.changed;
