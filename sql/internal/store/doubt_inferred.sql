-- "Untraded, by its silence" holds only where somebody traded: for a session of which nobody has a bar it stays an open question.
UPDATE session_states
SET state = 'gap', reason = 'calendar_suspect: no ticker has a row for this session'
WHERE region = $region
    AND state = 'no_trade'
    AND starts_with(reason, 'inferred')
    AND date IN (SELECT date FROM sessions)
    AND date NOT IN (
        SELECT date
        FROM ohlcv_data
        WHERE region = $region
            AND date BETWEEN (SELECT min(date) FROM sessions) AND (SELECT max(date) FROM sessions)
    );
