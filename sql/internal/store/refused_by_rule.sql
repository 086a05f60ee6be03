SELECT rule, count(*)
FROM quarantine
WHERE run_id = $run_id
GROUP BY rule
ORDER BY rule;
