-- Tickers whose indicators of a timeframe don't follow from their bars any more, the first date from which ($since), and where bars
-- must be read from so that they come out right ($start): $memory bars earlier, or all where a share-count event rescales the whole
-- series. What the runs `owed` wrote is looked at, and bars behind the newest indicator. Weeks and months count once a later one has
-- begun for the region ($unit: day, week, month).
WITH closed AS (
    SELECT if($unit = 'day', DATE '9999-12-31', date_trunc($unit, max(date))::DATE) AS until
    FROM ohlcv_data
    WHERE region = $region
),
newest AS (
    SELECT ticker, max(date) AS date
    FROM technical_analysis
    WHERE region = $region
        AND timeframe = $timeframe
    GROUP BY ticker
),
behind AS (
    SELECT bar.ticker, min(bar.date) AS since
    FROM ohlcv_data AS bar
    CROSS JOIN closed
    LEFT JOIN newest
        ON newest.ticker = bar.ticker
    WHERE bar.region = $region
        AND bar.date < closed.until
        AND bar.date > coalesce(newest.date, DATE '0001-01-01')
    GROUP BY bar.ticker
),
written AS (
    SELECT ticker, min(date) AS since
    FROM ohlcv_data
    WHERE region = $region
        AND run_id IN (SELECT run_id FROM owed)
    GROUP BY ticker
),
replaced AS (
    SELECT ticker, min(date) AS since
    FROM ohlcv_revisions
    WHERE region = $region
        AND replaced_by_run IN (SELECT run_id FROM owed)
    GROUP BY ticker
),
rescaled AS (
    -- Told by these runs, told otherwise before, or come into force since the newest indicator.
    SELECT ticker, DATE '0001-01-01' AS since
    FROM corporate_actions
    WHERE region = $region
        AND cash IS NULL
        AND run_id IN (SELECT run_id FROM owed)
    UNION
    SELECT ticker, DATE '0001-01-01'
    FROM quarantine
    WHERE region = $region
        AND rule = 'action_replaced'
        AND run_id IN (SELECT run_id FROM owed)
    UNION
    SELECT event.ticker, DATE '0001-01-01'
    FROM share_events AS event
    JOIN newest
        ON newest.ticker = event.ticker
        AND newest.date < event.ex_date
    WHERE event.region = $region
),
touched AS (
    SELECT ticker, date_trunc($unit, min(since))::DATE AS since
    FROM (FROM behind UNION ALL FROM written UNION ALL FROM replaced UNION ALL FROM rescaled)
    GROUP BY ticker
)
SELECT
    touched.ticker,
    touched.since,
    if(
        $unit = 'day',
        coalesce(list_min(max(bar.date, $memory) FILTER (bar.date < touched.since)), DATE '0001-01-01'),
        DATE '0001-01-01'
    ) AS start,
    count(*) AS bars
FROM touched
CROSS JOIN closed
JOIN ohlcv_data AS bar
    ON bar.region = $region
    AND bar.ticker = touched.ticker
    AND bar.date < closed.until
WHERE touched.since < closed.until
GROUP BY touched.ticker, touched.since
ORDER BY touched.ticker;
