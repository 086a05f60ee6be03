-- Cells of the sessions between two dates that should hold a bar and have no explanation.
SELECT coalesce(sum(gap), 0)::BIGINT
FROM session_coverage
WHERE region = $region
    AND date BETWEEN $first AND $last;
