SELECT * FROM fills;
