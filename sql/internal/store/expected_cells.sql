-- Cells that should hold a bar: the run's listings (`counted`) that are still followed × the sessions of their venue, inside the
-- listing's range.
CREATE OR REPLACE TEMP TABLE expected AS
SELECT
    listing.ticker,
    listing.venue,
    sessions.date,
    sessions.known_at
FROM instruments AS listing
JOIN sessions
    ON sessions.venue = listing.venue
SEMI JOIN counted
    ON counted.ticker = listing.ticker
LEFT JOIN listing_ranges AS span
    ON span.region = listing.region
    AND span.ticker = listing.ticker
WHERE listing.region = $region
    AND listing.valid_until IS NULL
    AND listing.followed
    AND sessions.date >= coalesce(span.first_session, if(span.asked_from IS NULL, listing.listed_from, NULL), sessions.date)
    AND sessions.date <= coalesce(span.last_session, listing.listed_until, sessions.date);
