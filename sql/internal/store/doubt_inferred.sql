-- "Untraded, by its silence" holds only where somebody traded: for a session of which nobody in the region, or nobody of at least
-- $silent names of a venue, has a bar it stays an open question.
WITH inside AS (
    SELECT listing.venue, cell.date, cell.ticker
    FROM session_states AS cell
    JOIN instruments AS listing
        ON listing.region = cell.region
        AND listing.ticker = cell.ticker
        AND listing.valid_until IS NULL
    SEMI JOIN sessions
        ON sessions.venue = listing.venue
        AND sessions.date = cell.date
    WHERE cell.region = $region
        AND cell.state = 'no_trade'
        AND starts_with(cell.reason, 'inferred')
),
traded AS (
    SELECT DISTINCT listing.venue, bar.date
    FROM ohlcv_data AS bar
    JOIN instruments AS listing
        ON listing.region = bar.region
        AND listing.ticker = bar.ticker
        AND listing.valid_until IS NULL
    WHERE bar.region = $region
        AND bar.date BETWEEN (SELECT min(date) FROM sessions) AND (SELECT max(date) FROM sessions)
),
silent AS (
    SELECT
        inside.date,
        inside.ticker,
        count(*) OVER (PARTITION BY inside.venue, inside.date) AS names,
        inside.date NOT IN (SELECT date FROM traded) AS everywhere
    FROM inside
    ANTI JOIN traded
        ON traded.venue = inside.venue
        AND traded.date = inside.date
)
UPDATE session_states AS standing
SET state = 'gap', reason = 'calendar_suspect: no ticker has a row for this session'
FROM silent
WHERE standing.region = $region
    AND standing.ticker = silent.ticker
    AND standing.date = silent.date
    AND (silent.everywhere OR silent.names >= $silent);
