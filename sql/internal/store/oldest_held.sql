SELECT min(since)
FROM held;
