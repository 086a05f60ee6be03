-- For each ticker of `wanted`, the bars stored just before its first missing session, oldest of the newest $bars.
SELECT wanted.ticker, list_min(max(bar.date, $bars)) AS overlap_from
FROM wanted
JOIN ohlcv_data AS bar
    ON bar.ticker = wanted.ticker
    AND bar.date < wanted.first_missing
WHERE bar.region = $region
    AND bar.date BETWEEN $oldest AND $newest
GROUP BY wanted.ticker;
