-- States that a received row now gives in other words.
DELETE FROM session_states AS standing
USING incoming
WHERE standing.region = incoming.region
    AND standing.ticker = incoming.ticker
    AND standing.date = incoming.date
    AND (
        standing.state <> incoming.state
        OR standing.reason <> incoming.reason
        OR standing.close IS DISTINCT FROM incoming.close
    );
