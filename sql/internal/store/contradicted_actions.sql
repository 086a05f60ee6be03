-- New share-count events of a half or more whose factor the bars around the ex-date do not show: the closes lie nearer to what they
-- would be without it. A close that already contains the event has to go on as it was.
WITH event AS (
    SELECT ticker, ex_date, any_value(in_split_adjusted) AS in_split_adjusted, product(price_factor) AS factor
    FROM incoming
    WHERE price_factor <> 1
    GROUP BY ticker, ex_date
    HAVING factor NOT BETWEEN 2 / 3 AND 3 / 2
),
around AS (
    SELECT
        event.ticker,
        event.ex_date,
        event.factor,
        arg_max(bar.close, bar.date) FILTER (bar.date < event.ex_date) AS last_close,
        arg_min(bar.close, bar.date) FILTER (bar.date >= event.ex_date) AS first_close,
        event.in_split_adjusted
            AND arg_max(coalesce(bar.adjusted_through, bar.date), bar.date) FILTER (bar.date < event.ex_date) >= event.ex_date
            AS contained
    FROM event
    JOIN ohlcv_data AS bar
        ON bar.ticker = event.ticker
        AND bar.date BETWEEN event.ex_date - 60 AND event.ex_date + 60
    WHERE bar.region = $region
    GROUP BY event.ticker, event.ex_date, event.factor, event.in_split_adjusted
)
SELECT ticker, ex_date, last_close, first_close
FROM around
WHERE abs(ln(first_close / last_close) - if(contained, 0, ln(factor))) > abs(ln(first_close / last_close) - if(contained, ln(factor), 0))
ORDER BY ticker, ex_date;
