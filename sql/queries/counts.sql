-- How many bars and tickers each region has.
-- By ticker first: 19 ms at 2.23M bars, where count(DISTINCT ticker) takes 22.
SELECT
    region,
    sum(bars)::BIGINT AS bars,
    count(*) AS tickers
FROM (
    SELECT region, ticker, count(*) AS bars
    FROM ohlcv_data
    GROUP BY region, ticker
)
GROUP BY region
ORDER BY region;
