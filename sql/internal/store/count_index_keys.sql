SELECT count(*), count(DISTINCT (index_bars.index_code, index_bars.date))
FROM index_bars
SEMI JOIN incoming
    ON incoming.region = index_bars.region
    AND incoming.index_code = index_bars.index_code
    AND incoming.date = index_bars.date;
