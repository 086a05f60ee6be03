-- Provisional values for a bar that is final: the bar stays, the row is refused.
SELECT
    incoming.region,
    incoming.ticker,
    incoming.date,
    'provisional_over_final' AS rule,
    'provisional values where a final bar stands' AS reason,
    to_json(incoming)::VARCHAR AS raw,
    incoming.provider,
    incoming.known_at,
    incoming.run_id
FROM incoming
JOIN standing
    ON standing.ticker = incoming.ticker
    AND standing.timeframe = incoming.timeframe
    AND standing.date = incoming.date
WHERE standing.kept
    AND NOT standing.same_values;
