-- Why cells of the tickers of `wanted` hold no bar; open questions and what was read from a silence give way to a row.
SELECT state.ticker, state.date, state.state, state.reason, state.close, state.provider
FROM session_states AS state
SEMI JOIN wanted
    ON wanted.ticker = state.ticker
WHERE state.region = $region
    AND state.date BETWEEN $first AND $last
    AND state.state NOT IN ('gap', 'quarantined')
    AND NOT starts_with(state.reason, 'inferred');
