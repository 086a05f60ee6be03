SELECT max(seen_at)
FROM instruments
WHERE region = $region;
