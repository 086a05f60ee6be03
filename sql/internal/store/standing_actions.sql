-- What stands for the tickers and ex-dates that are told now.
SELECT * EXCLUDE (seq, subscription_price, child_ticker, record_date, pay_date, list_date)
FROM corporate_actions
WHERE region = $region
    AND (ticker, ex_date) IN (SELECT (ticker, ex_date) FROM incoming)
ORDER BY ticker, ex_date, kind, seq;
