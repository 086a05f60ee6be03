-- First and last date of a region's rows, as the file has them.
SELECT min(date), max(date)
FROM ordered
WHERE region = $region
    AND date <= $until;
