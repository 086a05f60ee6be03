-- Total returns of every name to its region's last complete session over 1, 5, 20, 60, 120 and 250 of its bars, in percent.
WITH bars AS (
    SELECT
        bar.region,
        bar.ticker,
        bar.date,
        bar.close,
        bar.currency,
        bar.provider,
        row_number() OVER (PARTITION BY bar.region, bar.ticker ORDER BY bar.date DESC) - 1 AS age
    FROM region_state AS standing
    JOIN ohlcv_total_return AS bar
        ON bar.region = standing.region
        AND bar.date <= standing.last_complete_session
    QUALIFY age IN (0, 1, 5, 20, 60, 120, 250)
)
SELECT
    region,
    ticker,
    max(date) AS date,
    any_value(currency) AS currency,
    round(100 * (max(close) FILTER (age = 0) / max(close) FILTER (age = 1) - 1), 2) AS return_1,
    round(100 * (max(close) FILTER (age = 0) / max(close) FILTER (age = 5) - 1), 2) AS return_5,
    round(100 * (max(close) FILTER (age = 0) / max(close) FILTER (age = 20) - 1), 2) AS return_20,
    round(100 * (max(close) FILTER (age = 0) / max(close) FILTER (age = 60) - 1), 2) AS return_60,
    round(100 * (max(close) FILTER (age = 0) / max(close) FILTER (age = 120) - 1), 2) AS return_120,
    round(100 * (max(close) FILTER (age = 0) / max(close) FILTER (age = 250) - 1), 2) AS return_250,
    arg_max(provider, date) AS provider
FROM bars
GROUP BY region, ticker
ORDER BY return_20 DESC NULLS LAST, region, ticker;
