SELECT region, ticker
FROM instruments
WHERE ticker = $ticker
    AND valid_until IS NULL
ORDER BY region;
