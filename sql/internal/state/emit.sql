INSERT INTO events (at, kind, region, run_id, severity, detail)
VALUES (:at, :kind, :region, :run_id, :severity, :detail);
