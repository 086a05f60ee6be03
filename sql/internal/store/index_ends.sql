SELECT index_code, min(date) AS first, max(date) AS last
FROM index_bars
WHERE region = $region
GROUP BY index_code;
