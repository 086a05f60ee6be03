INSERT INTO corporate_actions BY NAME
SELECT
    incoming.*,
    row_number() OVER (PARTITION BY region, ticker, ex_date, kind ORDER BY cash, price_factor) AS seq
FROM incoming;
