-- Rows of a region that could not be read, by place.
SELECT *
FROM unread
WHERE region = $region
ORDER BY place
LIMIT $limit
OFFSET $offset;
