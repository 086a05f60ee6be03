INSERT OR REPLACE INTO instruments
SELECT * FROM incoming;
