SELECT count(*)
FROM commits;
