INSERT INTO spool (batch_id, run_id, path, units, pages, rows, sha256, spooled_at)
VALUES (:batch_id, :run_id, :path, :units, :pages, :rows, :sha256, :at)
ON CONFLICT (batch_id) DO NOTHING;
