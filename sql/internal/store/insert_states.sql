INSERT INTO session_states
SELECT incoming.*
FROM incoming
ANTI JOIN session_states AS standing
    ON standing.region = incoming.region
    AND standing.ticker = incoming.ticker
    AND standing.date = incoming.date
ANTI JOIN ohlcv_data AS bar
    ON bar.region = incoming.region
    AND bar.ticker = incoming.ticker
    AND bar.date = incoming.date
ORDER BY incoming.region, incoming.ticker, incoming.date;
