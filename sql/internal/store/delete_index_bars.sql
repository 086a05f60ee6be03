DELETE FROM index_bars
USING incoming
WHERE index_bars.region = incoming.region
    AND index_bars.index_code = incoming.index_code
    AND index_bars.date = incoming.date;
