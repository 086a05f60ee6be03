SELECT region, status FROM region_status;
