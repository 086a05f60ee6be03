-- Share-count adjusted bars of some tickers ($tickers, none: all) of a region between two days.
SELECT
    region,
    ticker,
    date,
    open,
    high,
    low,
    close,
    volume,
    amount,
    currency,
    provider,
    finality,
    known_at,
    run_id
FROM ohlcv_adjusted
WHERE region = $region
    AND ($tickers::VARCHAR[] IS NULL OR list_contains($tickers::VARCHAR[], ticker))
    AND date BETWEEN $first AND $last
ORDER BY ticker, date;
