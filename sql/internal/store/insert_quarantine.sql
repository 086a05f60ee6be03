INSERT INTO quarantine
SELECT *
FROM incoming
ORDER BY region, ticker, date;
