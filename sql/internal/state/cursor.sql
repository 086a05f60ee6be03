SELECT last_id FROM event_cursors WHERE consumer = :consumer;
