-- All tickers of a region that were ever listed.
SELECT DISTINCT ticker
FROM instruments
WHERE region = $region;
