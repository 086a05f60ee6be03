-- The bars as traded that are stored of one ticker over a range.
SELECT region, ticker, date, open, high, low, close, volume, amount, currency, provider, basis, adjusted_through
FROM ohlcv_data
WHERE region = $region
    AND ticker = $ticker
    AND basis = 'raw'
    AND date BETWEEN $first AND $last
ORDER BY date;
