-- Rows that stand for the batch's keys, and how many different keys those are.
SELECT coalesce(sum(rows), 0)::BIGINT, count(*)
FROM (
    SELECT count(*) AS rows
    FROM ohlcv_data AS bar
    SEMI JOIN incoming
        ON incoming.ticker = bar.ticker
        AND incoming.timeframe = bar.timeframe
        AND incoming.date = bar.date
    WHERE bar.region = $region
        AND bar.date BETWEEN $first AND $last
    GROUP BY bar.ticker, bar.timeframe, bar.date
);
