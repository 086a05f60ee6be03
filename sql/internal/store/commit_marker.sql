SELECT received, stored, revised, confirmed, explained, refused, repeated
FROM commits
WHERE batch_id = $batch_id;
