-- The bases of the bars that stand for the tickers of `wanted`: one each, where nothing was ever mixed.
SELECT bar.ticker, min(bar.basis) AS lowest_basis, max(bar.basis) AS highest_basis
FROM ohlcv_data AS bar
WHERE bar.region = $region
    AND bar.ticker IN (SELECT ticker FROM wanted)
GROUP BY bar.ticker;
