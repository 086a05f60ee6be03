-- How far the indicators follow each run: the number of its commits they take in. A run that commits more, or was cut off before
-- its indicators, shows here whoever comes next.
CREATE TABLE indicator_runs (
    region  VARCHAR NOT NULL,
    run_id  VARCHAR NOT NULL,
    batches BIGINT  NOT NULL,
    PRIMARY KEY (region, run_id)
);
