SELECT * FROM region_status;
