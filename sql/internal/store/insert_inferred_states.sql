INSERT INTO session_states
SELECT * EXCLUDE (standing_state)
FROM inferred
ORDER BY region, ticker, date;
