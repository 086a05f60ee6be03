SELECT * FROM stages;
