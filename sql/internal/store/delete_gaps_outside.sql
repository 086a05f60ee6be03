-- Open cells from before a listing began or after it ended, as its range is known now.
DELETE FROM session_states AS standing
USING listing_ranges AS span
WHERE standing.region = $region
    AND span.region = standing.region
    AND span.ticker = standing.ticker
    AND standing.state IN ('gap', 'quarantined')
    AND (standing.date < span.first_session OR standing.date > span.last_session);
