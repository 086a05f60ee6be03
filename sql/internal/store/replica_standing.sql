-- As of when a replica is, when it was published, and how many batches it holds.
SELECT info.as_of, info.published_at, (SELECT count(*) FROM commits) AS batches
FROM replica_info AS info;
