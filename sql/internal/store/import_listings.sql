-- The newest listing of each ticker of `wanted`.
SELECT
    listing.ticker,
    arg_max(listing.venue, listing.valid_from) AS venue,
    arg_max(listing.currency, listing.valid_from) AS listing_currency
FROM instruments AS listing
WHERE listing.region = $region
    AND listing.ticker IN (SELECT ticker FROM wanted)
GROUP BY listing.ticker;
