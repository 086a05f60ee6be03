INSERT INTO provider_attempts (
    run_id, region, capability, provider, outcome, attempts, seconds, first_at, last_at, detail
)
VALUES (
    :run_id, :region, :capability, :provider, :outcome, :attempts, :seconds, :first_at, :last_at, :detail
)
ON CONFLICT (run_id, region, capability, provider, outcome) DO UPDATE SET
    attempts = attempts + excluded.attempts,
    seconds = seconds + excluded.seconds,
    first_at = min(first_at, excluded.first_at),
    last_at = max(last_at, excluded.last_at),
    detail = coalesce(excluded.detail, detail);
