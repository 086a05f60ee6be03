-- Rows of one file as they were read, and those that could not be: beside the store, thrown away afterwards.
CREATE TABLE staged (
    place            BIGINT  NOT NULL,
    region           VARCHAR NOT NULL,
    ticker           VARCHAR NOT NULL,
    date             DATE    NOT NULL,
    open             DOUBLE,
    high             DOUBLE,
    low              DOUBLE,
    close            DOUBLE,
    volume           BIGINT,
    amount           DOUBLE,
    currency         VARCHAR NOT NULL,
    provider         VARCHAR NOT NULL,
    basis            VARCHAR NOT NULL,
    adjusted_through DATE,
    finality         VARCHAR
);
CREATE TABLE unread (
    place    BIGINT  NOT NULL,
    region   VARCHAR NOT NULL,
    ticker   VARCHAR NOT NULL,
    date     DATE,
    rule     VARCHAR NOT NULL,
    reason   VARCHAR NOT NULL,
    raw      VARCHAR NOT NULL,
    provider VARCHAR NOT NULL
);
