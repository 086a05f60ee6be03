-- For each ticker of `wanted`, where its stored bars are asked again from: the oldest of the newest $bars before its first missing
-- session. Bars that another provider brought since $provider's last one don't count: what those sessions brought beside their bars
-- (a rights issue) only $provider can tell, and it is asked for them once it answers again.
WITH before AS (
    SELECT wanted.ticker, bar.date, bar.provider
    FROM wanted
    JOIN ohlcv_data AS bar
        ON bar.ticker = wanted.ticker
        AND bar.date < wanted.first_missing
    WHERE bar.region = $region
        AND bar.date BETWEEN $oldest AND $newest
),
own AS (
    SELECT ticker, max(date) AS last
    FROM before
    WHERE provider = $provider
    GROUP BY ticker
)
SELECT before.ticker, list_min(max(before.date, $bars) FILTER (before.date <= coalesce(own.last, before.date))) AS overlap_from
FROM before
LEFT JOIN own
    ON own.ticker = before.ticker
GROUP BY before.ticker;
