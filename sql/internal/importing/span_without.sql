-- First and last date of a region's rows, without those of the cells `left_out` and those that give way to another row.
SELECT min(date), max(date)
FROM ordered
ANTI JOIN left_out USING (ticker, date)
WHERE region = $region
    AND fate IS NULL;
