-- Rows and tickers by region, with the span of their dates.
SELECT region, count(*) AS rows, count(DISTINCT ticker) AS tickers, min(date) AS first, max(date) AS last
FROM ohlcv_data
GROUP BY region
ORDER BY region;
