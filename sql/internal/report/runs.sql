-- The runs of one day ($day, UTC, by their frozen clock), in the order they ended.
SELECT
    run.region,
    run.run_id,
    run.kind,
    run.status,
    run.first_session,
    run.target_session,
    run.attempt,
    run.as_of,
    run.sessions,
    run.tickers,
    run.received,
    run.stored,
    run.confirmed,
    run.explained,
    run.refused,
    run.coverage,
    run.requests,
    run.seconds,
    derived.detail AS derived,
    run.error
FROM runs AS run
LEFT JOIN stages AS derived
    ON derived.run_id = run.run_id
    AND derived.stage = 'indicators'
WHERE (run.as_of AT TIME ZONE 'UTC')::DATE = $day
ORDER BY run.ended_at NULLS LAST, run.run_id;
