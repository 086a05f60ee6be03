SELECT ticker
FROM ohlcv_data
WHERE region = $region
GROUP BY ticker
ORDER BY ticker;
