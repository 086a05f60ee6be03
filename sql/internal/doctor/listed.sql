-- Every ticker that the newest lists show.
SELECT region, ticker
FROM instruments
WHERE valid_until IS NULL
    AND listed_until IS NULL;
