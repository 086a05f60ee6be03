-- Coverage of the sessions just settled.
CREATE OR REPLACE TEMP TABLE covered AS
SELECT coverage.*
FROM session_coverage AS coverage
SEMI JOIN expected
    ON expected.venue = coverage.venue
    AND expected.date = coverage.date
WHERE coverage.region = $region;
