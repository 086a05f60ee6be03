INSERT INTO schema_migrations (number, name, checksum, applied_at)
VALUES (:number, :name, :checksum, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
