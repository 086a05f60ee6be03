-- Which of $tickers a region has, as a listing or with bars.
SELECT ticker
FROM instruments
WHERE region = $region
    AND list_contains($tickers::VARCHAR[], ticker)
UNION
SELECT ticker
FROM ohlcv_data
WHERE region = $region
    AND list_contains($tickers::VARCHAR[], ticker);
