SELECT
    count(*),
    count(DISTINCT (ticker, timeframe, date)),
    count(*) FILTER (unchanged),
    count(*) FILTER (changed),
    count(*) FILTER (kept AND NOT same_values)
FROM standing;
