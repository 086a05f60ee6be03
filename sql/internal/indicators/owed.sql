-- Runs of a region that committed something the indicators don't take in yet, and how many commits each of them has.
SELECT done.run_id, count(*) AS batches
FROM commits AS done
LEFT JOIN indicator_runs AS followed
    ON followed.region = done.region
    AND followed.run_id = done.run_id
WHERE done.region = $region
GROUP BY done.run_id
HAVING count(*) <> coalesce(any_value(followed.batches), 0)
ORDER BY done.run_id;
