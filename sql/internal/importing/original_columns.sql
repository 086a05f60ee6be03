-- Columns of the original system's bars; no row where there is no such table.
SELECT name
FROM pragma_table_info('ohlcv_data');
