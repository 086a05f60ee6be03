-- Levels of one index over a range and the newest one before it: what an answer over that range must fit.
SELECT date, close
FROM index_bars
WHERE region = $region
    AND index_code = $index_code
    AND date <= $last
    AND date >= coalesce(
        (
            SELECT max(date)
            FROM index_bars
            WHERE region = $region
                AND index_code = $index_code
                AND date < $first
        ),
        $first
    )
ORDER BY date;
