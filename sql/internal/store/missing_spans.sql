-- Followed listings with a session that is neither held nor explained: the first and the last such session of each.
-- `sessions` (venue, date) are the sessions looked at; before $first only those of listings nobody ever asked for, in a night,
-- and of those whose bars nobody vouches for (`held`). A bar of another basis than $basis counts once a provider of that basis (one
-- of $alike) was asked for it: a series never mixes bases.
WITH covered AS (
    SELECT bar.ticker, bar.date
    FROM ohlcv_data AS bar
    LEFT JOIN listing_ranges AS span
        ON span.region = bar.region
        AND span.ticker = bar.ticker
    WHERE bar.region = $region
        AND bar.date BETWEEN $oldest AND $newest
        AND (bar.basis = $basis OR (bar.date >= span.asked_from AND list_contains($alike, span.provider)))
    UNION ALL
    SELECT ticker, date
    FROM session_states
    WHERE region = $region
        AND date BETWEEN $oldest AND $newest
        AND state NOT IN ('gap', 'quarantined')
)
SELECT
    listing.ticker,
    listing.venue,
    listing.currency,
    listing.listed_from,
    min(sessions.date) AS first_missing,
    max(sessions.date) AS last_missing
FROM instruments AS listing
JOIN sessions
    ON sessions.venue = listing.venue
LEFT JOIN listing_ranges AS span
    ON span.region = listing.region
    AND span.ticker = listing.ticker
LEFT JOIN held
    ON held.ticker = listing.ticker
ANTI JOIN covered
    ON covered.ticker = listing.ticker
    AND covered.date = sessions.date
WHERE listing.region = $region
    AND listing.valid_until IS NULL
    AND listing.followed
    AND (
        sessions.date >= $first
        OR ($night AND span.asked_from IS NULL AND sessions.date >= $reach)
        OR sessions.date >= held.since
    )
    AND sessions.date >= coalesce(span.first_session, sessions.date)
    AND sessions.date <= coalesce(span.last_session, sessions.date)
GROUP BY ALL
ORDER BY listing.ticker;
