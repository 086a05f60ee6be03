INSERT INTO staged
SELECT *
FROM incoming;
