-- Tables that keep their keys by the write path, and how many keys stand more than once; no row where all is well.
SELECT table_name, duplicates
FROM (
    SELECT 'ohlcv_data' AS table_name, count(*) AS duplicates
    FROM (SELECT 1 FROM ohlcv_data GROUP BY region, ticker, timeframe, date HAVING count(*) > 1)
    UNION ALL
    SELECT 'index_bars', count(*)
    FROM (SELECT 1 FROM index_bars GROUP BY region, index_code, date HAVING count(*) > 1)
    UNION ALL
    SELECT 'session_states', count(*)
    FROM (SELECT 1 FROM session_states GROUP BY region, ticker, date HAVING count(*) > 1)
    UNION ALL
    SELECT 'technical_analysis', count(*)
    FROM (SELECT 1 FROM technical_analysis GROUP BY region, ticker, timeframe, date HAVING count(*) > 1)
)
WHERE duplicates > 0;
