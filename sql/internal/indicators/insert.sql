-- New indicators (`incoming`) in the table's order of rows.
INSERT INTO technical_analysis BY NAME
FROM incoming
ORDER BY region, ticker, timeframe, date;
