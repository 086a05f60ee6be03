-- Rows of each ticker, in the order of batches.
SELECT region, ticker, count(*)
FROM ordered
GROUP BY region, ticker
ORDER BY region, ticker;
