UPDATE listing_ranges
SET last_session = NULL
FROM incoming
WHERE listing_ranges.region = incoming.region
    AND listing_ranges.ticker = incoming.ticker
    AND incoming.valid_until IS NULL
    AND listing_ranges.last_session IS NOT NULL;
