-- A cell that holds a bar needs no state.
DELETE FROM session_states
USING incoming
WHERE session_states.region = $region
    AND session_states.ticker = incoming.ticker
    AND session_states.date = incoming.date;
