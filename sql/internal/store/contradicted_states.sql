-- Received rows that say "no trade" for a cell that already holds a bar: the bar stays, the row is refused.
SELECT
    incoming.region,
    incoming.ticker,
    incoming.date,
    'untraded_over_bar' AS rule,
    'says ' || incoming.state || ' where a bar stands (close ' || bar.close || ' from ' || bar.provider || ')' AS reason,
    to_json({'state': incoming.state, 'reason': incoming.reason, 'close': incoming.close})::VARCHAR AS raw,
    incoming.provider,
    incoming.known_at,
    incoming.run_id
FROM incoming
JOIN ohlcv_data AS bar
    ON bar.region = incoming.region
    AND bar.ticker = incoming.ticker
    AND bar.date = incoming.date;
