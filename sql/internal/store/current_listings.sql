SELECT *
FROM instruments
WHERE region = $region
    AND valid_until IS NULL
ORDER BY ticker;
