SELECT
    count(DISTINCT date),
    (SELECT count(DISTINCT ticker) FROM expected),
    coalesce(sum(listed), 0)::BIGINT,
    coalesce(sum(ok), 0)::BIGINT,
    coalesce(sum(explained), 0)::BIGINT,
    coalesce(sum(gap), 0)::BIGINT,
    coalesce(sum(quarantined), 0)::BIGINT
FROM covered;
