-- Followed listings with what is known of their range.
SELECT
    listing.ticker,
    listing.venue,
    listing.currency,
    listing.listed_from,
    listing.listed_until,
    listing.seen_at,
    span.asked_from,
    span.first_session,
    span.last_session
FROM instruments AS listing
LEFT JOIN listing_ranges AS span
    ON span.region = listing.region
    AND span.ticker = listing.ticker
WHERE listing.region = $region
    AND listing.valid_until IS NULL
    AND listing.followed
ORDER BY listing.ticker;
