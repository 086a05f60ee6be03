-- The first and the last bar of each basis that is stored of a ticker.
SELECT ticker, basis, min(date) AS first, max(date) AS last
FROM ohlcv_data
WHERE region = $region
GROUP BY ticker, basis
ORDER BY ticker, basis;
