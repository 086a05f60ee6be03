SELECT * FROM runs;
