-- When a provider's list last showed the region, and how many listings have a market value; what only an import knows carries
-- the epoch.
SELECT max(seen_at), count(value)
FROM instruments
WHERE region = $region
    AND seen_at > TIMESTAMPTZ '1970-01-01 00:00:00+00';
