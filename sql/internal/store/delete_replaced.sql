DELETE FROM ohlcv_data
WHERE rowid IN (SELECT row_id FROM standing WHERE NOT unchanged);
