-- Corporate actions that the runs of one day ($day, UTC) wrote, share-count events first: fifty of so many (found).
SELECT
    action.region,
    action.ticker,
    action.ex_date,
    action.kind,
    action.ratio,
    action.price_factor,
    action.cash,
    action.currency,
    action.status,
    action.provider,
    count(*) OVER () AS found
FROM corporate_actions AS action
JOIN runs AS run
    ON run.run_id = action.run_id
WHERE (run.as_of AT TIME ZONE 'UTC')::DATE = $day
ORDER BY action.price_factor = 1, action.ex_date DESC, action.region, action.ticker
LIMIT 50;
