-- Rows of the batch that stand already: where they are, whether anything differs, whether a value differs.
-- A provisional answer never replaces a final bar. The same values of a later look are the same bar: an event in between would have
-- changed them, so the bar goes on saying what it said (adjusted_through).
CREATE OR REPLACE TEMP TABLE standing AS
SELECT
    bar.rowid AS row_id,
    bar.ticker,
    bar.timeframe,
    bar.date,
    incoming.provider AS new_provider,
    (
        bar.open = incoming.open
        AND bar.high = incoming.high
        AND bar.low = incoming.low
        AND bar.close = incoming.close
        AND bar.volume = incoming.volume
        AND bar.amount IS NOT DISTINCT FROM incoming.amount
        AND bar.currency = incoming.currency
        AND bar.basis = incoming.basis
    ) AS same_values,
    (bar.finality = 'final' AND incoming.finality <> 'final') AS kept,
    kept OR (same_values AND bar.finality = incoming.finality) AS unchanged,
    NOT kept AND NOT same_values AS changed
FROM ohlcv_data AS bar
JOIN incoming
    ON incoming.ticker = bar.ticker
    AND incoming.timeframe = bar.timeframe
    AND incoming.date = bar.date
WHERE bar.region = $region
    AND bar.date BETWEEN $first AND $last;
