-- Regions of which a provider's list was ever fetched; what only an import knows carries $never.
SELECT DISTINCT region
FROM instruments
WHERE seen_at > $never;
