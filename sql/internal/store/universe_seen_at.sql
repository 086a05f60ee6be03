-- When a provider's list last showed the region, and how many listings that hold now have a market value; what only an import
-- knows carries $never.
SELECT max(seen_at), count(value) FILTER (WHERE valid_until IS NULL)
FROM instruments
WHERE region = $region
    AND seen_at > $never;
