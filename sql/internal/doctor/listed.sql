-- Every ticker that the newest lists show; what only an import knows carries $never and was shown by none.
SELECT region, ticker
FROM instruments
WHERE valid_until IS NULL
    AND listed_until IS NULL
    AND seen_at > $never;
