-- The newest ten sessions of every venue that the runs of one day ($day, UTC) worked on.
SELECT
    counted.region,
    counted.venue,
    counted.date,
    counted.listed,
    counted.ok,
    counted.explained,
    counted.gap,
    counted.quarantined,
    1 - (counted.gap + counted.quarantined) / counted.listed AS coverage
FROM session_coverage AS counted
WHERE counted.listed > 0
    AND counted.region IN (SELECT region FROM runs WHERE (as_of AT TIME ZONE 'UTC')::DATE = $day)
QUALIFY row_number() OVER (PARTITION BY counted.region, counted.venue ORDER BY counted.date DESC) <= 10
ORDER BY counted.region, counted.venue, counted.date;
