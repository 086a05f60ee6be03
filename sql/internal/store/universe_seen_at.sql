-- When a provider's list last showed the region; what only an import knows carries the epoch.
SELECT max(seen_at)
FROM instruments
WHERE region = $region
    AND seen_at > TIMESTAMPTZ '1970-01-01 00:00:00+00';
