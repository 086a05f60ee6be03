-- An event also counts once a bar of the listing contains it (adjusted_through): a provider rescales its rows on the morning of the
-- ex-date, before any bar of that date is stored, and the older bars have to follow.
CREATE OR REPLACE VIEW share_events AS
SELECT
    action.region,
    action.ticker,
    action.ex_date,
    action.in_split_adjusted,
    product(action.price_factor) AS price_factor,
    product(action.volume_factor) AS volume_factor
FROM corporate_actions AS action
JOIN (
    SELECT region, ticker, max(date) AS last_date, max(adjusted_through) AS adjusted_through
    FROM ohlcv_data
    WHERE (region, ticker) IN (SELECT (region, ticker) FROM corporate_actions WHERE price_factor <> 1 OR volume_factor <> 1)
    GROUP BY ALL
) AS newest
    ON newest.region = action.region
    AND newest.ticker = action.ticker
    AND (
        action.ex_date <= newest.last_date
        OR (action.in_split_adjusted AND action.ex_date <= newest.adjusted_through)
    )
WHERE action.status <> 'cancelled'
    AND (action.price_factor <> 1 OR action.volume_factor <> 1)
GROUP BY ALL;
