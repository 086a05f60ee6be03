INSERT INTO index_bars
SELECT *
FROM incoming
ORDER BY region, index_code, date;
