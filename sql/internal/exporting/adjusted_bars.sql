-- `adjusted` is no basis of a stored bar: nobody takes these prices for raw ones.
SELECT * REPLACE ('adjusted' AS basis)
FROM ohlcv_adjusted
WHERE region = $region
    AND ($tickers::VARCHAR[] IS NULL OR list_contains($tickers::VARCHAR[], ticker))
    AND date BETWEEN $first AND $last
ORDER BY ticker, date;
