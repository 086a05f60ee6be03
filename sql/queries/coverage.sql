-- Coverage by region and month: cells listed, held, explained, missing.
SELECT
    region,
    strftime(date, '%Y-%m') AS month,
    count(DISTINCT date) AS sessions,
    sum(listed)::BIGINT AS listed,
    sum(ok)::BIGINT AS ok,
    sum(explained)::BIGINT AS explained,
    sum(gap)::BIGINT AS gap,
    sum(quarantined)::BIGINT AS quarantined,
    round(1 - sum(gap + quarantined) / sum(listed), 6) AS coverage
FROM session_coverage
GROUP BY region, month
ORDER BY region, month;
