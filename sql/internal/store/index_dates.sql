-- Sessions of which one index has a level.
SELECT date
FROM index_bars
WHERE region = $region
    AND index_code = $index_code
    AND date <= $last
ORDER BY date;
