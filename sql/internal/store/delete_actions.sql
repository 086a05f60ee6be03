-- Of a ticker and ex-date, share-count events give way to such events and dividends to dividends: a set is replaced whole.
DELETE FROM corporate_actions
WHERE region = $region
    AND (ticker, ex_date, kind IN ('cash', 'special')) IN (
        SELECT (ticker, ex_date, kind IN ('cash', 'special'))
        FROM incoming
    );
