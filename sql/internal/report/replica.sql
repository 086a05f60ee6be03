-- What the replica is: as of when, made when, where its rows come from.
SELECT info.as_of, info.published_at, coalesce(origin.origin, '') AS origin
FROM replica_info AS info
LEFT JOIN store_origin AS origin
    ON true;
