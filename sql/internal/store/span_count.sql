-- Bars of a region between two sessions, and cells that hold a state instead of one.
SELECT
    count(*),
    (SELECT count(*) FROM session_states WHERE region = $region AND date BETWEEN $first AND $last)
FROM ohlcv_data
WHERE region = $region
    AND date BETWEEN $first AND $last;
