-- Cells without a bar and without an explanation that the runs of one day ($day, UTC) left, by region and reason: the twenty largest groups of so many (found).
SELECT
    cell.region,
    cell.state,
    cell.reason,
    count(*) AS cells,
    count(DISTINCT cell.ticker) AS tickers,
    max(cell.date) AS newest,
    arg_max(cell.ticker, cell.date) AS example,
    count(*) OVER () AS found
FROM session_states AS cell
JOIN runs AS run
    ON run.run_id = cell.run_id
WHERE (run.as_of AT TIME ZONE 'UTC')::DATE = $day
    AND cell.state IN ('gap', 'quarantined')
GROUP BY cell.region, cell.state, cell.reason
ORDER BY cells DESC, cell.region, cell.reason
LIMIT 20;
