UPDATE runs
SET status = :status,
    ended_at = :ended_at,
    sessions = :sessions,
    tickers = :tickers,
    received = :received,
    stored = :stored,
    confirmed = :confirmed,
    explained = :explained,
    refused = :refused,
    coverage = :coverage,
    error = :error
WHERE run_id = :run_id;
