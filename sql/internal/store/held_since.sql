-- Followed listings whose bars nobody vouches for, from their first bar on: bars of an import that no provider was asked about,
-- and bars of another basis than $basis that are older than what was walked, or came from a provider that is none of $alike: the
-- one whose basis counts was never asked for them.
CREATE OR REPLACE TEMP TABLE held AS
SELECT bar.ticker, min(bar.date) AS since
FROM ohlcv_data AS bar
JOIN instruments AS listing
    ON listing.region = bar.region
    AND listing.ticker = bar.ticker
    AND listing.valid_until IS NULL
    AND listing.followed
LEFT JOIN listing_ranges AS span
    ON span.region = bar.region
    AND span.ticker = bar.ticker
WHERE bar.region = $region
    AND (
        span.asked_from IS NULL
        OR (bar.basis <> $basis AND (bar.date < span.asked_from OR NOT list_contains($alike, span.provider)))
    )
GROUP BY bar.ticker;
