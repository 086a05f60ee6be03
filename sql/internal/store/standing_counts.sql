SELECT count(*), count(*) FILTER (unchanged), count(*) FILTER (changed)
FROM standing;
