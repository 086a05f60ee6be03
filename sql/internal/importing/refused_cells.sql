-- The cells whose row a run refused; a row under one of the rules `beside` stood beside the cell's row, not for it.
SELECT DISTINCT ticker, date
FROM quarantine
WHERE run_id = $run_id
    AND region = $region
    AND date IS NOT NULL
    AND NOT list_contains($beside, rule);
