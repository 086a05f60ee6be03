DELETE FROM session_states AS standing
USING inferred
WHERE standing.region = inferred.region
    AND standing.ticker = inferred.ticker
    AND standing.date = inferred.date;
