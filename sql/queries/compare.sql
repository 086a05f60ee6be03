-- Closes of several tickers ($tickers, with commas between) in all regions that have them, since a day ($since), share-count adjusted.
SELECT
    region,
    ticker,
    date,
    close,
    currency,
    provider
FROM ohlcv_adjusted
WHERE ticker IN (SELECT trim(unnest(string_split($tickers, ','))))
    AND date >= $since::DATE
ORDER BY region, ticker, date;
