-- Statements of adapters/machine.py, adapters/limiter.py and adapters/breaker.py, each under its name.
-- The file is limits.sqlite in the state folder, shared by all processes of the machine. Instants are nanoseconds of the
-- machine's monotonic clock, which counts from boot: they mean nothing after a reboot, hence machine.boot.

-- name: create_machine
CREATE TABLE IF NOT EXISTS machine (
    boot TEXT NOT NULL,
    full_at INTEGER
);

-- name: create_slot
CREATE TABLE IF NOT EXISTS slot (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    at INTEGER NOT NULL
);

-- name: create_slot_order
CREATE INDEX IF NOT EXISTS slot_order
ON slot (key, at);

-- name: create_pace
CREATE TABLE IF NOT EXISTS pace (
    key TEXT PRIMARY KEY,
    share REAL NOT NULL,
    changed_at INTEGER NOT NULL,
    pause_until INTEGER NOT NULL
) WITHOUT ROWID;

-- name: create_breaker
CREATE TABLE IF NOT EXISTS breaker (
    key TEXT NOT NULL,
    capability TEXT NOT NULL,
    failures INTEGER NOT NULL,
    opened_at INTEGER,
    probe_at INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (key, capability)
) WITHOUT ROWID;

-- name: no_patience
PRAGMA busy_timeout = 0;

-- name: begin
BEGIN IMMEDIATE;

-- name: commit
COMMIT;

-- name: rollback
ROLLBACK;

-- name: journal
PRAGMA journal_mode = WAL;

-- name: durability
PRAGMA synchronous = OFF;

-- name: machine
SELECT boot, full_at
FROM machine;

-- name: add_machine
INSERT INTO machine (boot, full_at)
VALUES (:boot, :full_at);

-- name: set_machine
UPDATE machine
SET boot = :boot, full_at = :full_at;

-- name: doubt_past
UPDATE machine
SET full_at = :full_at
WHERE full_at IS NULL;

-- name: forget_slots
DELETE FROM slot;

-- name: forget_paces
DELETE FROM pace;

-- name: forget_breakers
DELETE FROM breaker;

-- name: pace
SELECT share, changed_at, pause_until
FROM pace
WHERE key = :key;

-- name: set_pace
INSERT INTO pace (key, share, changed_at, pause_until)
VALUES (:key, :share, :changed_at, :pause_until)
ON CONFLICT (key) DO UPDATE
SET share = excluded.share, changed_at = excluded.changed_at, pause_until = excluded.pause_until;

-- name: nth_last_slot
SELECT at
FROM slot
WHERE key = :key
ORDER BY at DESC
LIMIT 1 OFFSET :skip;

-- name: add_slot
INSERT INTO slot (key, at)
VALUES (:key, :at);

-- name: move_slot
UPDATE slot
SET at = :at
WHERE id = :id;

-- name: drop_slot
DELETE FROM slot
WHERE id = :id;

-- name: drop_old_slots
DELETE FROM slot
WHERE key = :key
AND at < :before;

-- name: count_between
SELECT count(*)
FROM slot
WHERE key = :key
AND at > :after
AND at < :before;

-- name: breaker
SELECT failures, opened_at, probe_at, reason
FROM breaker
WHERE key = :key
AND capability = :capability;

-- name: set_breaker
INSERT INTO breaker (key, capability, failures, opened_at, probe_at, reason)
VALUES (:key, :capability, :failures, :opened_at, :probe_at, :reason)
ON CONFLICT (key, capability) DO UPDATE
SET failures = excluded.failures, opened_at = excluded.opened_at, probe_at = excluded.probe_at, reason = excluded.reason;

-- name: drop_breaker
DELETE FROM breaker
WHERE key = :key
AND capability = :capability;

-- name: used_lately
SELECT key, sum(at > :second) AS second, count(*) AS minute
FROM slot
WHERE at > :minute
AND at <= :now
GROUP BY key
ORDER BY key;

-- name: paces
SELECT key, share, changed_at, pause_until
FROM pace
ORDER BY key;

-- name: open_breakers
SELECT key, capability, failures, opened_at, reason
FROM breaker
WHERE opened_at IS NOT NULL
ORDER BY key, capability;
