-- What is noted already of actions that another provider told otherwise than they stand.
SELECT ticker, date, provider, reason
FROM quarantine
WHERE region = $region
    AND rule = 'action_contradicted';
