-- The three strongest names of every region over its last 20 sessions, against the region's median name.
WITH sessions AS (
    SELECT
        counted.region,
        counted.date,
        dense_rank() OVER (PARTITION BY counted.region ORDER BY counted.date DESC) - 1 AS age
    FROM (SELECT DISTINCT region, date FROM session_coverage) AS counted
    JOIN region_state AS standing
        ON standing.region = counted.region
        AND counted.date <= standing.last_complete_session
),
spans AS (
    SELECT
        region,
        max(date) FILTER (WHERE age = 20) AS since,
        max(date) FILTER (WHERE age = 0) AS until
    FROM sessions
    GROUP BY region
),
gains AS (
    SELECT
        span.region,
        newest.ticker,
        span.since,
        span.until,
        newest.close,
        newest.currency,
        newest.close / oldest.close - 1 AS gain,
        median(newest.close / oldest.close - 1) OVER (PARTITION BY span.region) AS median_gain,
        count(*) OVER (PARTITION BY span.region) AS names
    FROM spans AS span
    JOIN ohlcv_adjusted AS newest
        ON newest.region = span.region
        AND newest.date = span.until
    JOIN ohlcv_adjusted AS oldest
        ON oldest.region = newest.region
        AND oldest.ticker = newest.ticker
        AND oldest.date = span.since
)
SELECT
    gained.region,
    gained.ticker,
    coalesce(listing.name, listing.local_name) AS name,
    gained.since,
    gained.until,
    gained.close,
    gained.currency,
    round(100 * gained.gain, 1) AS gain_percent,
    round(100 * (gained.gain - gained.median_gain), 1) AS ahead_percent,
    gained.names
FROM gains AS gained
LEFT JOIN instruments AS listing
    ON listing.region = gained.region
    AND listing.ticker = gained.ticker
    AND listing.valid_until IS NULL
QUALIFY row_number() OVER (PARTITION BY gained.region ORDER BY gained.gain DESC, gained.ticker) <= 3
ORDER BY gained.region, gained.gain DESC, gained.ticker;
