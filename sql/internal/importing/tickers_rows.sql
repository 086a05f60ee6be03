-- Rows of the tickers from one to another of a region, both included.
SELECT *
FROM ordered
WHERE region = $region
    AND ticker BETWEEN $first AND $last
ORDER BY ticker, date, place;
