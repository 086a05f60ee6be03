-- As of when the replica's newest run saw the world, and when the replica was made.
SELECT as_of, published_at
FROM replica_info;
