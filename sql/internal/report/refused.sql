-- Rows that rules refused in the runs of one day ($day, UTC), by rule, with an example.
SELECT
    refused.region,
    refused.rule,
    count(*) AS rows,
    count(DISTINCT refused.ticker) AS tickers,
    max(refused.date) AS newest,
    arg_max(refused.ticker, refused.date) AS example,
    arg_max(refused.reason, refused.date) AS reason
FROM quarantine AS refused
JOIN runs AS run
    ON run.run_id = refused.run_id
WHERE (run.as_of AT TIME ZONE 'UTC')::DATE = $day
GROUP BY refused.region, refused.rule
ORDER BY refused.region, rows DESC, refused.rule;
