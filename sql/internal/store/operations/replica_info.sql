INSERT INTO replica_info BY NAME
SELECT * FROM incoming;
