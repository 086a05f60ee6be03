-- As of when the replica is, and what its rows are made of.
SELECT info.as_of, origin.origin
FROM replica_info AS info
CROSS JOIN store_origin AS origin;
