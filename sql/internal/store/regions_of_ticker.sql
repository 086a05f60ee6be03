SELECT region
FROM instruments
WHERE ticker = $ticker
    AND valid_until IS NULL
ORDER BY region;
