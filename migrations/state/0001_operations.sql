-- Operations beside the store: many small writers, read at once by nights, service and pages. SQLite in WAL mode.
-- Times are ISO 8601 UTC text (2026-11-20T12:05:00Z); dates YYYY-MM-DD; JSON as text.

-- One row a run: a night is keyed by region and target session, a backfill by region and range. A rerun continues its row.
CREATE TABLE runs (
    run_id         TEXT PRIMARY KEY,
    kind           TEXT NOT NULL,                 -- night, backfill, …
    region         TEXT NOT NULL,
    first_session  TEXT NOT NULL,
    target_session TEXT NOT NULL,
    origin         TEXT NOT NULL CHECK (origin IN ('live', 'sandbox')),
    status         TEXT NOT NULL CHECK (status IN ('running', 'complete', 'partial', 'failed')),
    attempt        INTEGER NOT NULL,
    as_of          TEXT NOT NULL,                 -- the run's frozen clock
    started_at     TEXT NOT NULL,
    ended_at       TEXT,
    sessions       INTEGER,
    tickers        INTEGER,
    received       INTEGER,
    stored         INTEGER,
    confirmed      INTEGER,
    explained      INTEGER,
    refused        INTEGER,
    coverage       REAL,
    requests       TEXT NOT NULL DEFAULT '{}',    -- provider -> requests over all attempts of the run
    seconds        REAL NOT NULL DEFAULT 0,       -- over all attempts
    error          TEXT
);
CREATE INDEX runs_by_region ON runs (region, target_session);
CREATE UNIQUE INDEX one_night ON runs (region, target_session) WHERE kind = 'night';

CREATE TABLE stages (
    run_id     TEXT NOT NULL,
    stage      TEXT NOT NULL,                     -- plan, fetch, check, commit, derive, publish
    status     TEXT NOT NULL CHECK (status IN ('running', 'complete', 'skipped', 'failed')),
    started_at TEXT NOT NULL,
    ended_at   TEXT,
    seconds    REAL,
    detail     TEXT,
    PRIMARY KEY (run_id, stage)
);

-- Index of the spool: every batch of fetched pages, in a Parquet file of the run's folder before anything else happens to it.
CREATE TABLE spool (
    batch_id     TEXT PRIMARY KEY,
    run_id       TEXT NOT NULL,
    path         TEXT NOT NULL,                   -- relative to the home
    units        INTEGER NOT NULL,                -- ticker ranges inside
    pages        INTEGER NOT NULL,
    rows         INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    spooled_at   TEXT NOT NULL,
    committed_at TEXT
);
CREATE INDEX spool_by_run ON spool (run_id);

-- What happened, for any number of consumers, each with its own cursor.
CREATE TABLE events (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    kind     TEXT NOT NULL,                       -- run_started, run_ended, region_published, calendar_suspect, …
    region   TEXT NOT NULL,
    run_id   TEXT,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    detail   TEXT NOT NULL                        -- JSON
);
CREATE TABLE event_cursors (
    consumer TEXT PRIMARY KEY,
    last_id  INTEGER NOT NULL
);

-- live | test | off, where it differs from the settings' default.
CREATE TABLE region_status (
    region TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('live', 'test', 'off')),
    since  TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- How each provider did per run and capability.
CREATE TABLE provider_attempts (
    run_id     TEXT NOT NULL,
    region     TEXT NOT NULL,
    capability TEXT NOT NULL,
    provider   TEXT NOT NULL,
    outcome    TEXT NOT NULL,                     -- ok, transient, rate_limited, terminal
    attempts   INTEGER NOT NULL,
    seconds    REAL NOT NULL,
    first_at   TEXT NOT NULL,
    last_at    TEXT NOT NULL,
    detail     TEXT,                              -- the newest failure's words
    PRIMARY KEY (run_id, region, capability, provider, outcome)
);

-- Scheduled tasks: one row an attempt.
CREATE TABLE scheduler_ledger (
    task       TEXT NOT NULL,
    region     TEXT NOT NULL,
    session    TEXT NOT NULL,
    attempt    INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('due', 'running', 'done', 'failed', 'skipped')),
    due_at     TEXT NOT NULL,
    started_at TEXT,
    ended_at   TEXT,
    why        TEXT,
    PRIMARY KEY (task, region, session, attempt)
);

-- The paper book: orders, their fills, and a double-entry ledger (amounts of one entry_id and currency add up to zero).
CREATE TABLE orders (
    order_id       TEXT PRIMARY KEY,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    ticker         TEXT NOT NULL,
    side           TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    kind           TEXT NOT NULL,                 -- market, limit, stop, stop_limit, trailing_stop
    parent_id      TEXT REFERENCES orders (order_id), -- the order whose position a stop or target guards
    auction        TEXT CHECK (auction IN ('open', 'close')),
    valid          TEXT NOT NULL CHECK (valid IN ('day', 'gtc')),
    quantity       INTEGER NOT NULL CHECK (quantity > 0),
    limit_price    REAL,
    stop_price     REAL,
    currency       TEXT NOT NULL,
    decided_at     TEXT NOT NULL,                 -- when the decision was known
    session        TEXT,                          -- first session it is eligible for
    status         TEXT NOT NULL CHECK (status IN ('open', 'partly_filled', 'filled', 'refused', 'cancelled', 'expired')),
    why_not_filled TEXT,
    source         TEXT NOT NULL,                 -- strategy name or 'hand'
    run_id         TEXT
);
CREATE TABLE fills (
    fill_id    TEXT PRIMARY KEY,
    order_id   TEXT NOT NULL REFERENCES orders (order_id),
    session    TEXT NOT NULL,
    filled_at  TEXT NOT NULL,
    quantity   INTEGER NOT NULL CHECK (quantity > 0),
    price      REAL NOT NULL,
    currency   TEXT NOT NULL,
    fees       REAL NOT NULL,
    taxes      REAL NOT NULL,
    slippage   REAL NOT NULL,
    settles_on TEXT NOT NULL,
    run_id     TEXT
);
CREATE TABLE ledger (
    entry_id TEXT NOT NULL,
    line     INTEGER NOT NULL,
    account  TEXT NOT NULL,
    book     TEXT NOT NULL,                       -- cash, position, fees, taxes, fx, dividends, equity
    booked_at TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount   TEXT NOT NULL,                       -- decimal text: money is never a float
    region   TEXT,
    ticker   TEXT,
    quantity TEXT,
    reason   TEXT NOT NULL,
    fill_id  TEXT REFERENCES fills (fill_id),
    run_id   TEXT,
    PRIMARY KEY (entry_id, line)
);
