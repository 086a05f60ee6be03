-- How many bars and tickers each region has, and the span of their dates.
SELECT
    region,
    count(*) AS bars,
    count(DISTINCT ticker) AS tickers,
    min(date) AS first,
    max(date) AS last
FROM ohlcv_data
GROUP BY region
ORDER BY region;
