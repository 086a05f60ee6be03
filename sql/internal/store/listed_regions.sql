SELECT DISTINCT region
FROM instruments;
