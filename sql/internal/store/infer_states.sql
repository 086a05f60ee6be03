-- Inferred states give way to a bar and to what a received row explained; an open question (gap, quarantined) counts its askings.
CREATE OR REPLACE TEMP TABLE inferred AS
SELECT
    incoming.* REPLACE (
        CASE WHEN incoming.state IN ('gap', 'quarantined') THEN incoming.asked + coalesce(standing.asked, 0) ELSE incoming.asked END AS asked
    ),
    standing.state AS standing_state
FROM incoming
LEFT JOIN session_states AS standing
    ON standing.region = incoming.region
    AND standing.ticker = incoming.ticker
    AND standing.date = incoming.date
ANTI JOIN ohlcv_data AS bar
    ON bar.region = incoming.region
    AND bar.ticker = incoming.ticker
    AND bar.date = incoming.date
WHERE standing.state IS NULL OR standing.state IN ('gap', 'quarantined');
