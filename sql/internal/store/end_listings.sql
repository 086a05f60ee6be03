UPDATE instruments
SET listed_until = incoming.last_session
FROM incoming
WHERE instruments.region = incoming.region
    AND instruments.ticker = incoming.ticker
    AND instruments.valid_until IS NULL
    AND incoming.last_session IS NOT NULL;
