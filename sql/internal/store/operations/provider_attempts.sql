INSERT INTO provider_attempts BY NAME
SELECT * FROM incoming;
