-- What a person decided about a listing, over the region's universe rule: `spock ticker add` and `remove`.
CREATE TABLE universe_choices (
    region    VARCHAR     NOT NULL,
    ticker    VARCHAR     NOT NULL,
    choice    VARCHAR     NOT NULL CHECK (choice IN ('follow', 'ignore')),
    chosen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (region, ticker)
);
