-- Reads the first page: whether this is a database at all.
SELECT count(*)
FROM sqlite_master;
