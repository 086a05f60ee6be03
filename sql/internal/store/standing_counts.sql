SELECT
    count(*),
    count(*) FILTER (unchanged),
    count(*) FILTER (changed),
    count(*) FILTER (kept AND NOT same_values)
FROM standing;
