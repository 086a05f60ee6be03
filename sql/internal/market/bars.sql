-- Raw bars of some tickers ($tickers, none: all) of a region between two days.
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
    basis,
    adjusted_through,
    finality,
    known_at,
    run_id
FROM ohlcv_data
WHERE region = $region
    AND ($tickers::VARCHAR[] IS NULL OR list_contains($tickers::VARCHAR[], ticker))
    AND date BETWEEN $first AND $last
ORDER BY ticker, date;
