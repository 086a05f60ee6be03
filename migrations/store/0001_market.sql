-- The market store: one DuckDB file, keyed by region.
--
-- Bars, indices and indicators carry no primary key: the one write path keeps them unique (an index doubles load time and makes
-- deletes and restatements many times slower). Small tables keep their keys. Every row names its provider and its run.
-- DATE is the venue's local session date; TIMESTAMPTZ is UTC. Prices are in `currency`, major unit; volume is in shares.

-- One row: where the rows of this store come from. Set by the first commit; rows of the other origin are refused.
CREATE TABLE store_origin (
    origin      VARCHAR     NOT NULL CHECK (origin IN ('live', 'sandbox')),
    since       TIMESTAMPTZ NOT NULL,
    run_id      VARCHAR     NOT NULL
);

-- Dated listings. A rename or a move to another venue ends one row and begins the next; rows are never deleted.
CREATE TABLE instruments (
    region        VARCHAR     NOT NULL,
    ticker        VARCHAR     NOT NULL,
    valid_from    DATE        NOT NULL,             -- first day this row is known to hold
    valid_until   DATE,                             -- last day it held; NULL while it holds
    venue         VARCHAR     NOT NULL,             -- MIC
    name          VARCHAR,
    local_name    VARCHAR,
    security_type VARCHAR     NOT NULL,             -- common, preferred, reit, etf, etn, fund, warrant, right, foreign, depositary_receipt, other
    issuer        VARCHAR,                          -- shared by share classes, A/H pairs, receipts
    is_primary    BOOLEAN     NOT NULL,
    currency      VARCHAR     NOT NULL,
    isin          VARCHAR,
    figi          VARCHAR,
    lot           BIGINT,
    listed_from   DATE,                             -- as the exchange's list says
    listed_until  DATE,                             -- last day of listing; NULL while listed
    shares        BIGINT,
    value         DOUBLE,                           -- market value in `currency` when last seen
    sector_code   VARCHAR,
    sector_gics   VARCHAR,
    sector_source VARCHAR,
    followed      BOOLEAN     NOT NULL,             -- inside the region's universe rule or watchlist
    previous_ticker VARCHAR,                        -- links a renamed listing to the one before
    provider      VARCHAR     NOT NULL,
    seen_at       TIMESTAMPTZ NOT NULL,             -- last time a provider's list showed it so
    known_at      TIMESTAMPTZ NOT NULL,
    run_id        VARCHAR     NOT NULL,
    PRIMARY KEY (region, ticker, valid_from)
);

-- What happened to a listing, by date: listed, renamed, moved, halted, resumed, delisted, reused.
CREATE TABLE instrument_events (
    region     VARCHAR     NOT NULL,
    ticker     VARCHAR     NOT NULL,
    event_date DATE        NOT NULL,
    kind       VARCHAR     NOT NULL CHECK (kind IN ('listed', 'renamed', 'moved', 'halted', 'resumed', 'delisted', 'reused')),
    detail     VARCHAR,
    provider   VARCHAR     NOT NULL,
    known_at   TIMESTAMPTZ NOT NULL,
    run_id     VARCHAR     NOT NULL,
    PRIMARY KEY (region, ticker, event_date, kind)
);

-- Raw bars as traded: one bar a row, daily only. Unique by (region, ticker, timeframe, date) through the write path.
CREATE TABLE ohlcv_data (
    region           VARCHAR     NOT NULL,
    ticker           VARCHAR     NOT NULL,
    timeframe        VARCHAR     NOT NULL CHECK (timeframe = 'D'), -- weeks and months are views
    date             DATE        NOT NULL,
    open             DOUBLE      NOT NULL,
    high             DOUBLE      NOT NULL,
    low              DOUBLE      NOT NULL,
    close            DOUBLE      NOT NULL,
    volume           BIGINT      NOT NULL,
    amount           DOUBLE,                        -- traded value in `currency`, where the provider gives it
    currency         VARCHAR     NOT NULL,
    provider         VARCHAR     NOT NULL,
    basis            VARCHAR     NOT NULL CHECK (basis IN ('raw', 'split_adjusted', 'unknown')),
    adjusted_through DATE,                          -- split_adjusted: the provider applied every event with an ex-date up to here
    finality         VARCHAR     NOT NULL CHECK (finality IN ('final', 'provisional')),
    known_at         TIMESTAMPTZ NOT NULL,          -- the session's final_at, also when backfilled
    run_id           VARCHAR     NOT NULL,
    CHECK ((basis = 'split_adjusted') = (adjusted_through IS NOT NULL)) -- without it a bar would be adjusted twice, in silence
);

-- What stood in ohlcv_data before a run changed it. The row's own columns, then who replaced it and when.
CREATE TABLE ohlcv_revisions (
    region           VARCHAR     NOT NULL,
    ticker           VARCHAR     NOT NULL,
    timeframe        VARCHAR     NOT NULL,
    date             DATE        NOT NULL,
    open             DOUBLE      NOT NULL,
    high             DOUBLE      NOT NULL,
    low              DOUBLE      NOT NULL,
    close            DOUBLE      NOT NULL,
    volume           BIGINT      NOT NULL,
    amount           DOUBLE,
    currency         VARCHAR     NOT NULL,
    provider         VARCHAR     NOT NULL,
    basis            VARCHAR     NOT NULL,
    adjusted_through DATE,
    finality         VARCHAR     NOT NULL,
    known_at         TIMESTAMPTZ NOT NULL,
    run_id           VARCHAR     NOT NULL,          -- the run that wrote the replaced row
    replaced_by_run  VARCHAR     NOT NULL,
    replaced_by      VARCHAR,                       -- provider of the new row; NULL where no row took its place
    replaced_at      TIMESTAMPTZ NOT NULL,
    reason           VARCHAR     NOT NULL           -- restated, …
);

-- Index levels have their own names (KOSPI, KOSDAQ, SPX): they never meet a ticker. Unique by (region, index_code, date).
CREATE TABLE index_bars (
    region     VARCHAR     NOT NULL,
    index_code VARCHAR     NOT NULL,
    date       DATE        NOT NULL,
    open       DOUBLE,
    high       DOUBLE,
    low        DOUBLE,
    close      DOUBLE      NOT NULL,
    volume     BIGINT,                              -- shares
    amount     DOUBLE,
    currency   VARCHAR     NOT NULL,
    provider   VARCHAR     NOT NULL,
    finality   VARCHAR     NOT NULL,
    known_at   TIMESTAMPTZ NOT NULL,
    run_id     VARCHAR     NOT NULL
);

-- First and, where it ended, last session of a listing as the bars themselves show it: sessions outside are not asked again.
CREATE TABLE listing_ranges (
    region        VARCHAR     NOT NULL,
    ticker        VARCHAR     NOT NULL,
    asked_from    DATE        NOT NULL,             -- history was walked back to here
    first_session DATE,                             -- NULL: no bar known yet, perhaps older ones before asked_from
    last_session  DATE,                             -- NULL: still listed
    evidence      VARCHAR     NOT NULL,             -- how the ends are known
    provider      VARCHAR     NOT NULL,
    known_at      TIMESTAMPTZ NOT NULL,
    run_id        VARCHAR     NOT NULL,
    PRIMARY KEY (region, ticker)
);

-- Cells (ticker, session) inside a listing that hold no bar, and why. A cell with a bar has no row here.
-- Unique by (region, ticker, date) through the write path.
CREATE TABLE session_states (
    region   VARCHAR     NOT NULL,
    ticker   VARCHAR     NOT NULL,
    date     DATE        NOT NULL,
    state    VARCHAR     NOT NULL CHECK (state IN ('no_trade', 'halted', 'limit_locked', 'not_listed', 'venue_closed', 'gap', 'quarantined')),
    reason   VARCHAR     NOT NULL,
    close    DOUBLE,                                -- reference close the provider repeated for an untraded session
    asked    INTEGER     NOT NULL,                  -- how often the cell was asked for
    provider VARCHAR     NOT NULL,
    known_at TIMESTAMPTZ NOT NULL,
    run_id   VARCHAR     NOT NULL
);

-- Base price and limits of a session where a provider gives them.
CREATE TABLE session_limits (
    region      VARCHAR     NOT NULL,
    ticker      VARCHAR     NOT NULL,
    date        DATE        NOT NULL,
    base_price  DOUBLE,
    limit_up    DOUBLE,
    limit_down  DOUBLE,
    currency    VARCHAR     NOT NULL,
    provider    VARCHAR     NOT NULL,
    known_at    TIMESTAMPTZ NOT NULL,
    run_id      VARCHAR     NOT NULL
);

-- Share-count events and dividends. Adjusted price before ex_date = price × price_factor; adjusted volume = volume × volume_factor.
CREATE TABLE corporate_actions (
    region             VARCHAR     NOT NULL,
    ticker             VARCHAR     NOT NULL,
    ex_date            DATE        NOT NULL,
    seq                SMALLINT    NOT NULL,        -- 1, 2… for two of a kind on one date (interim and final dividend)
    kind               VARCHAR     NOT NULL CHECK (kind IN ('split', 'bonus', 'stock_dividend', 'rights', 'spin_off', 'capital_cut', 'consolidation', 'merger', 'cash', 'special')),
    ratio              DOUBLE,                      -- new shares for one old share, as announced
    price_factor       DOUBLE      NOT NULL CHECK (price_factor > 0),  -- 1 for cash and special
    volume_factor      DOUBLE      NOT NULL CHECK (volume_factor > 0), -- 1 for cash, special, spin_off and rights
    in_split_adjusted  BOOLEAN     NOT NULL,        -- a split_adjusted bar contains it (splits and the like; not rights, seldom spin-offs)
    cash               DOUBLE      CHECK (cash >= 0), -- gross, in `currency`, per share held at the close before ex_date: as announced, never split-adjusted
    currency           VARCHAR,
    subscription_price DOUBLE,
    child_ticker       VARCHAR,
    record_date        DATE,
    pay_date           DATE,
    list_date          DATE,
    status             VARCHAR     NOT NULL CHECK (status IN ('announced', 'confirmed', 'inferred', 'cancelled')),
    source             VARCHAR     NOT NULL,        -- the provider's list or rule it was read from
    provider           VARCHAR     NOT NULL,
    known_at           TIMESTAMPTZ NOT NULL,
    run_id             VARCHAR     NOT NULL,
    PRIMARY KEY (region, ticker, ex_date, kind, seq),
    CHECK ((cash IS NULL) = (currency IS NULL))
);

-- Exchange rates: one unit of `base` in `quote`.
CREATE TABLE fx_rates (
    region    VARCHAR     NOT NULL CHECK (region = '*'),
    base      VARCHAR     NOT NULL,
    quote     VARCHAR     NOT NULL,
    date      DATE        NOT NULL,
    rate      DOUBLE      NOT NULL CHECK (rate > 0),
    fixing_at TIMESTAMPTZ NOT NULL,
    provider  VARCHAR     NOT NULL,
    known_at  TIMESTAMPTZ NOT NULL,
    run_id    VARCHAR     NOT NULL,
    PRIMARY KEY (base, quote, date, provider)
);

-- Indicators on adjusted bars, complete periods only, dated by the period's last session. NULL before warm-up.
-- Unique by (region, ticker, timeframe, date) through the write path.
CREATE TABLE technical_analysis (
    region      VARCHAR     NOT NULL,
    ticker      VARCHAR     NOT NULL,
    timeframe   VARCHAR     NOT NULL,               -- D, W, M
    date        DATE        NOT NULL,
    ma5         DOUBLE,
    ma20        DOUBLE,
    ma60        DOUBLE,
    ma120       DOUBLE,
    ma200       DOUBLE,
    rsi_14      DOUBLE,
    macd        DOUBLE,
    macd_signal DOUBLE,
    macd_hist   DOUBLE,
    bb_upper    DOUBLE,
    bb_middle   DOUBLE,
    bb_lower    DOUBLE,
    atr_14      DOUBLE,
    provider    VARCHAR     NOT NULL,
    known_at    TIMESTAMPTZ NOT NULL,
    run_id      VARCHAR     NOT NULL
);

-- Rows refused by a rule, kept as they came.
CREATE TABLE quarantine (
    region   VARCHAR     NOT NULL,
    ticker   VARCHAR     NOT NULL,
    date     DATE,                                  -- NULL where the row's date itself could not be read
    rule     VARCHAR     NOT NULL,
    reason   VARCHAR     NOT NULL,
    raw      VARCHAR     NOT NULL,                  -- JSON: the row as the provider gave it
    provider VARCHAR     NOT NULL,
    known_at TIMESTAMPTZ NOT NULL,
    run_id   VARCHAR     NOT NULL
);

-- One row a committed batch, written in the batch's own transaction: this marker decides what a resume repeats.
-- received = stored + confirmed + explained + refused + repeated.
CREATE TABLE commits (
    batch_id      VARCHAR     NOT NULL PRIMARY KEY,
    run_id        VARCHAR     NOT NULL,
    region        VARCHAR     NOT NULL,
    venue         VARCHAR,                          -- NULL where a batch crosses venues
    first_session DATE,
    last_session  DATE,
    received      BIGINT      NOT NULL,             -- rows that came over the wire
    stored        BIGINT      NOT NULL,             -- bars new or changed
    revised       BIGINT      NOT NULL,             -- of those stored: bars whose earlier values went to ohlcv_revisions
    confirmed     BIGINT      NOT NULL,             -- bars that stood already with the same values
    explained     BIGINT      NOT NULL,             -- rows that say why there is no bar
    refused       BIGINT      NOT NULL,             -- rows in quarantine
    repeated      BIGINT      NOT NULL,             -- exact repeats of a row of the same batch
    committed_at  TIMESTAMPTZ NOT NULL
);

-- Coverage by venue and session, as of the last run that looked: listed = ok + explained + gap + quarantined; not_listed cells are
-- not expected.
CREATE TABLE session_coverage (
    region      VARCHAR     NOT NULL,
    venue       VARCHAR     NOT NULL,
    date        DATE        NOT NULL,
    listed      BIGINT      NOT NULL,               -- followed tickers listed that session
    ok          BIGINT      NOT NULL,
    explained   BIGINT      NOT NULL,
    gap         BIGINT      NOT NULL,
    quarantined BIGINT      NOT NULL,
    run_id      VARCHAR     NOT NULL,
    PRIMARY KEY (region, venue, date)
);

-- Where each region stands: what a reader joins so that a region half way through its night never looks finished.
CREATE TABLE region_state (
    region                VARCHAR     NOT NULL PRIMARY KEY,
    last_complete_session DATE,                     -- newest session whose coverage reached the threshold, with none below before it in its run
    last_session          DATE,                     -- newest session any run has committed
    coverage              DOUBLE,                   -- of the run that wrote this row
    run_id                VARCHAR     NOT NULL,
    updated_at            TIMESTAMPTZ NOT NULL
);

-- Share-count events that count: not cancelled, and the listing has traded on or after the ex-date (an announced one changes nothing yet).
CREATE VIEW share_events AS
SELECT
    action.region,
    action.ticker,
    action.ex_date,
    action.in_split_adjusted,
    product(action.price_factor) AS price_factor,
    product(action.volume_factor) AS volume_factor
FROM corporate_actions AS action
JOIN (
    SELECT region, ticker, max(date) AS last_date
    FROM ohlcv_data
    WHERE (region, ticker) IN (SELECT (region, ticker) FROM corporate_actions WHERE price_factor <> 1 OR volume_factor <> 1)
    GROUP BY ALL
) AS newest
    ON newest.region = action.region
    AND newest.ticker = action.ticker
    AND action.ex_date <= newest.last_date
WHERE action.status <> 'cancelled'
    AND (action.price_factor <> 1 OR action.volume_factor <> 1)
GROUP BY ALL;

-- For each such event, the span of dates (from_date <= date < until_date) over which the same events still lie ahead, and the product
-- of their factors.
CREATE VIEW share_spans AS
SELECT
    region,
    ticker,
    in_split_adjusted,
    coalesce(lag(ex_date) OVER listing, DATE '0001-01-01') AS from_date,
    ex_date AS until_date,
    product(price_factor) OVER ahead AS price_factor,
    product(volume_factor) OVER ahead AS volume_factor
FROM share_events
WINDOW
    listing AS (PARTITION BY region, ticker, in_split_adjusted ORDER BY ex_date),
    ahead AS (PARTITION BY region, ticker, in_split_adjusted ORDER BY ex_date ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING);

-- Cash by ex-date as a factor on the close before it: 1 − cash ÷ that close as it was traded. A split_adjusted close is first divided by the
-- events it already contains. Cash in another currency than the bar's, or not below the close, gives no factor.
CREATE VIEW cash_spans AS
WITH paid AS (
    SELECT region, ticker, ex_date, currency, sum(cash) AS cash
    FROM corporate_actions
    WHERE cash IS NOT NULL AND status <> 'cancelled'
    GROUP BY ALL
),
bars AS (
    SELECT region, ticker, date, close, currency, adjusted_through
    FROM ohlcv_data
    WHERE (region, ticker) IN (SELECT (region, ticker) FROM paid)
),
before_ex AS (
    SELECT
        paid.region,
        paid.ticker,
        paid.ex_date,
        paid.cash,
        bars.date,
        bars.adjusted_through,
        bars.close
    FROM paid
    ASOF JOIN bars
        ON bars.region = paid.region
        AND bars.ticker = paid.ticker
        AND paid.ex_date > bars.date
    WHERE paid.currency = bars.currency
        AND EXISTS (
            FROM (SELECT region, ticker, max(date) AS last_date FROM bars GROUP BY ALL) AS newest
            WHERE newest.region = paid.region AND newest.ticker = paid.ticker AND paid.ex_date <= newest.last_date
        )
),
as_traded AS (
    SELECT
        before_ex.region,
        before_ex.ticker,
        before_ex.ex_date,
        any_value(before_ex.cash) AS cash,
        any_value(before_ex.close) / coalesce(product(contained.price_factor), 1) AS close
    FROM before_ex
    LEFT JOIN share_events AS contained
        ON contained.region = before_ex.region
        AND contained.ticker = before_ex.ticker
        AND contained.in_split_adjusted
        AND contained.ex_date > before_ex.date
        AND contained.ex_date <= before_ex.adjusted_through
    GROUP BY ALL
)
SELECT
    region,
    ticker,
    coalesce(lag(ex_date) OVER listing, DATE '0001-01-01') AS from_date,
    ex_date AS until_date,
    product(1 - cash / close) OVER ahead AS cash_factor
FROM as_traded
WHERE cash < close
WINDOW
    listing AS (PARTITION BY region, ticker ORDER BY ex_date),
    ahead AS (PARTITION BY region, ticker ORDER BY ex_date ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING);

-- Share-count adjusted bars: charts and indicators. A bar gets the events it does not already contain: those with ex_date > date, or
-- > adjusted_through where the provider applied that kind of event.
CREATE VIEW ohlcv_adjusted AS
SELECT
    bar.region,
    bar.ticker,
    bar.timeframe,
    bar.date,
    bar.open * coalesce(split.price_factor, 1) * coalesce(other.price_factor, 1) AS open,
    bar.high * coalesce(split.price_factor, 1) * coalesce(other.price_factor, 1) AS high,
    bar.low * coalesce(split.price_factor, 1) * coalesce(other.price_factor, 1) AS low,
    bar.close * coalesce(split.price_factor, 1) * coalesce(other.price_factor, 1) AS close,
    round(bar.volume * coalesce(split.volume_factor, 1) * coalesce(other.volume_factor, 1))::BIGINT AS volume,
    bar.amount,
    bar.currency,
    bar.provider,
    bar.basis,
    bar.finality,
    bar.known_at,
    bar.run_id
FROM ohlcv_data AS bar
LEFT JOIN share_spans AS split
    ON split.region = bar.region
    AND split.ticker = bar.ticker
    AND split.in_split_adjusted
    AND greatest(bar.date, coalesce(bar.adjusted_through, bar.date)) >= split.from_date
    AND greatest(bar.date, coalesce(bar.adjusted_through, bar.date)) < split.until_date
LEFT JOIN share_spans AS other
    ON other.region = bar.region
    AND other.ticker = bar.ticker
    AND NOT other.in_split_adjusted
    AND bar.date >= other.from_date
    AND bar.date < other.until_date;

-- The same with cash reinvested at the close before the ex-date: returns, momentum, labels, benchmarks.
CREATE VIEW ohlcv_total_return AS
SELECT
    bar.* REPLACE (
        bar.open * coalesce(cash.cash_factor, 1) AS open,
        bar.high * coalesce(cash.cash_factor, 1) AS high,
        bar.low * coalesce(cash.cash_factor, 1) AS low,
        bar.close * coalesce(cash.cash_factor, 1) AS close
    )
FROM ohlcv_adjusted AS bar
LEFT JOIN cash_spans AS cash
    ON cash.region = bar.region
    AND cash.ticker = bar.ticker
    AND bar.date >= cash.from_date
    AND bar.date < cash.until_date;

-- Weeks (Monday to Sunday) and months on adjusted bars, dated by their last session. `complete` says whether a later period has begun for
-- the region: the one still running is there too.
CREATE VIEW ohlcv_weekly AS
SELECT
    region,
    ticker,
    'W' AS timeframe,
    max(date) AS date,
    arg_min(open, date) AS open,
    max(high) AS high,
    min(low) AS low,
    arg_max(close, date) AS close,
    sum(volume)::BIGINT AS volume,
    sum(amount) AS amount,
    arg_max(currency, date) AS currency,
    arg_max(provider, date) AS provider,
    if(bool_and(finality = 'final'), 'final', 'provisional') AS finality,
    max(known_at) AS known_at,
    count(*) AS sessions,
    date_trunc('week', date) < any_value(newest.period) AS complete
FROM ohlcv_adjusted
JOIN (SELECT region, date_trunc('week', max(date)) AS period FROM ohlcv_data GROUP BY region) AS newest USING (region)
GROUP BY region, ticker, date_trunc('week', date);

CREATE VIEW ohlcv_monthly AS
SELECT
    region,
    ticker,
    'M' AS timeframe,
    max(date) AS date,
    arg_min(open, date) AS open,
    max(high) AS high,
    min(low) AS low,
    arg_max(close, date) AS close,
    sum(volume)::BIGINT AS volume,
    sum(amount) AS amount,
    arg_max(currency, date) AS currency,
    arg_max(provider, date) AS provider,
    if(bool_and(finality = 'final'), 'final', 'provisional') AS finality,
    max(known_at) AS known_at,
    count(*) AS sessions,
    date_trunc('month', date) < any_value(newest.period) AS complete
FROM ohlcv_adjusted
JOIN (SELECT region, date_trunc('month', max(date)) AS period FROM ohlcv_data GROUP BY region) AS newest USING (region)
GROUP BY region, ticker, date_trunc('month', date);

-- The original system's table, as a view: adjusted prices and indicators, all timeframes.
CREATE SCHEMA original;

CREATE VIEW original.ohlcv_data AS
WITH bars AS (
    SELECT region, ticker, timeframe, date, open, high, low, close, volume, known_at FROM main.ohlcv_adjusted
    UNION ALL
    SELECT region, ticker, timeframe, date, open, high, low, close, volume, known_at FROM main.ohlcv_weekly WHERE complete
    UNION ALL
    SELECT region, ticker, timeframe, date, open, high, low, close, volume, known_at FROM main.ohlcv_monthly WHERE complete
)
SELECT
    bars.ticker,
    bars.region,
    bars.timeframe,
    bars.date,
    bars.open,
    bars.high,
    bars.low,
    bars.close,
    bars.volume,
    ta.ma5,
    ta.ma20,
    ta.ma60,
    ta.ma120,
    ta.ma200,
    ta.rsi_14,
    ta.macd,
    ta.macd_signal,
    ta.macd_hist,
    ta.bb_upper,
    ta.bb_middle,
    ta.bb_lower,
    ta.atr_14,
    bars.known_at AS created_at
FROM bars
LEFT JOIN main.technical_analysis AS ta
    ON ta.region = bars.region
    AND ta.ticker = bars.ticker
    AND ta.timeframe = bars.timeframe
    AND ta.date = bars.date;
