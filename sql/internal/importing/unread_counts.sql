SELECT region, count(*)
FROM unread
GROUP BY region
ORDER BY region;
