-- What the replica holds of some tickers of a region (all, where none is named), between two dates and at all.
SELECT
    count(*) FILTER (date BETWEEN $first AND $last),
    count(DISTINCT ticker) FILTER (date BETWEEN $first AND $last),
    min(date) FILTER (date BETWEEN $first AND $last),
    max(date) FILTER (date BETWEEN $first AND $last),
    list_sort(list(DISTINCT currency) FILTER (date BETWEEN $first AND $last)),
    min(date),
    max(date)
FROM ohlcv_data
WHERE region = $region
    AND ($tickers::VARCHAR[] IS NULL OR list_contains($tickers::VARCHAR[], ticker));
