-- How each provider did in the runs of one day ($day, UTC): attempts by outcome, and the newest failure's words.
SELECT
    attempt.region,
    attempt.provider,
    attempt.capability,
    sum(attempt.attempts)::BIGINT AS attempts,
    coalesce(sum(attempt.attempts) FILTER (attempt.outcome = 'ok'), 0)::BIGINT AS ok,
    coalesce(sum(attempt.attempts) FILTER (attempt.outcome = 'rate_limited'), 0)::BIGINT AS rate_limited,
    coalesce(sum(attempt.attempts) FILTER (attempt.outcome NOT IN ('ok', 'rate_limited')), 0)::BIGINT AS failed,
    sum(attempt.seconds) / sum(attempt.attempts) AS seconds_each,
    arg_max(attempt.detail, attempt.last_at) FILTER (attempt.outcome <> 'ok') AS last_failure
FROM provider_attempts AS attempt
JOIN runs AS run
    ON run.run_id = attempt.run_id
WHERE (run.as_of AT TIME ZONE 'UTC')::DATE = $day
GROUP BY attempt.region, attempt.provider, attempt.capability
ORDER BY attempt.region, attempt.provider, attempt.capability;
