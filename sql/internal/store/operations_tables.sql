-- Operations as of the publish, beside the bars. They live in state.sqlite; a replica carries a copy.
CREATE OR REPLACE TABLE runs (
    run_id         VARCHAR     NOT NULL,
    kind           VARCHAR     NOT NULL,
    region         VARCHAR     NOT NULL,
    first_session  DATE        NOT NULL,
    target_session DATE        NOT NULL,
    origin         VARCHAR     NOT NULL,
    status         VARCHAR     NOT NULL,
    attempt        INTEGER     NOT NULL,
    as_of          TIMESTAMPTZ NOT NULL,
    started_at     TIMESTAMPTZ NOT NULL,
    ended_at       TIMESTAMPTZ,
    sessions       BIGINT,
    tickers        BIGINT,
    received       BIGINT,
    stored         BIGINT,
    confirmed      BIGINT,
    explained      BIGINT,
    refused        BIGINT,
    coverage       DOUBLE,
    requests       VARCHAR     NOT NULL,
    seconds        DOUBLE      NOT NULL,
    error          VARCHAR
);
CREATE OR REPLACE TABLE stages (
    run_id     VARCHAR     NOT NULL,
    stage      VARCHAR     NOT NULL,
    status     VARCHAR     NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at   TIMESTAMPTZ,
    seconds    DOUBLE,
    detail     VARCHAR
);
CREATE OR REPLACE TABLE region_status (
    region VARCHAR     NOT NULL,
    status VARCHAR     NOT NULL,
    since  TIMESTAMPTZ NOT NULL,
    reason VARCHAR     NOT NULL
);
CREATE OR REPLACE TABLE provider_attempts (
    run_id     VARCHAR     NOT NULL,
    region     VARCHAR     NOT NULL,
    capability VARCHAR     NOT NULL,
    provider   VARCHAR     NOT NULL,
    outcome    VARCHAR     NOT NULL,
    attempts   BIGINT      NOT NULL,
    seconds    DOUBLE      NOT NULL,
    first_at   TIMESTAMPTZ NOT NULL,
    last_at    TIMESTAMPTZ NOT NULL,
    detail     VARCHAR
);
CREATE OR REPLACE TABLE orders (
    order_id       VARCHAR NOT NULL,
    account        VARCHAR NOT NULL,
    region         VARCHAR NOT NULL,
    ticker         VARCHAR NOT NULL,
    side           VARCHAR NOT NULL,
    kind           VARCHAR NOT NULL,
    quantity       BIGINT  NOT NULL,
    limit_price    DOUBLE,
    stop_price     DOUBLE,
    currency       VARCHAR NOT NULL,
    decided_at     TIMESTAMPTZ NOT NULL,
    session        DATE,
    status         VARCHAR NOT NULL,
    why_not_filled VARCHAR,
    source         VARCHAR NOT NULL,
    run_id         VARCHAR
);
CREATE OR REPLACE TABLE fills (
    fill_id    VARCHAR NOT NULL,
    order_id   VARCHAR NOT NULL,
    session    DATE    NOT NULL,
    filled_at  TIMESTAMPTZ NOT NULL,
    quantity   BIGINT  NOT NULL,
    price      DOUBLE  NOT NULL,
    currency   VARCHAR NOT NULL,
    fees       DOUBLE  NOT NULL,
    taxes      DOUBLE  NOT NULL,
    slippage   DOUBLE  NOT NULL,
    settles_on DATE    NOT NULL,
    run_id     VARCHAR
);
CREATE OR REPLACE TABLE ledger (
    entry_id VARCHAR NOT NULL,
    line     INTEGER NOT NULL,
    account  VARCHAR NOT NULL,
    book     VARCHAR NOT NULL,
    booked_at TIMESTAMPTZ NOT NULL,
    currency VARCHAR NOT NULL,
    amount   DECIMAL(28, 8) NOT NULL,
    region   VARCHAR,
    ticker   VARCHAR,
    quantity DECIMAL(28, 8),
    reason   VARCHAR NOT NULL,
    fill_id  VARCHAR,
    run_id   VARCHAR
);
CREATE OR REPLACE TABLE replica_info (
    published_at TIMESTAMPTZ NOT NULL,
    as_of        TIMESTAMPTZ NOT NULL,
    run_id       VARCHAR
);
