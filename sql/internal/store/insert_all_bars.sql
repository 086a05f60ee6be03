INSERT INTO ohlcv_data
SELECT *
FROM incoming;
