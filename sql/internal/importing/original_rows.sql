SELECT *
FROM ohlcv_data;
