INSERT INTO event_cursors (consumer, last_id)
VALUES (:consumer, :last_id)
ON CONFLICT (consumer) DO UPDATE SET last_id = max(last_id, excluded.last_id);
