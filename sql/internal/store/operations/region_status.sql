INSERT INTO region_status BY NAME
SELECT * FROM incoming;
