SELECT *
FROM ohlcv_data
WHERE region = $region
    AND ($tickers::VARCHAR[] IS NULL OR list_contains($tickers::VARCHAR[], ticker))
    AND date BETWEEN $first AND $last
ORDER BY ticker, date;
