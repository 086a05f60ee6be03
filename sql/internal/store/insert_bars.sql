INSERT INTO ohlcv_data
SELECT incoming.*
FROM incoming
ANTI JOIN (SELECT * FROM standing WHERE unchanged) AS kept
    ON kept.ticker = incoming.ticker
    AND kept.timeframe = incoming.timeframe
    AND kept.date = incoming.date
ORDER BY region, ticker, timeframe, date;
