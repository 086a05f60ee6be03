-- The listings of a region that hold now: the followed ones, or all.
SELECT
    region,
    ticker,
    venue,
    name,
    local_name,
    security_type,
    currency,
    isin,
    lot,
    listed_from,
    listed_until,
    shares,
    value,
    sector_code,
    followed,
    provider,
    seen_at
FROM instruments
WHERE region = $region
    AND valid_until IS NULL
    AND (followed OR $listed)
ORDER BY ticker;
