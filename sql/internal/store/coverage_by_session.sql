SELECT date, 1 - sum(gap + quarantined) / sum(listed) AS coverage
FROM covered
GROUP BY date
ORDER BY date;
