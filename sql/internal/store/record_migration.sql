INSERT INTO schema_migrations (number, name, checksum, applied_at)
VALUES ($number, $name, $checksum, now());
