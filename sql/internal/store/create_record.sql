CREATE TABLE schema_migrations (
    number     INTEGER     NOT NULL PRIMARY KEY,
    name       VARCHAR     NOT NULL,
    checksum   VARCHAR     NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);
