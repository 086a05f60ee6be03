INSERT INTO ohlcv_data
SELECT *
FROM incoming
ORDER BY region, ticker, timeframe, date;
