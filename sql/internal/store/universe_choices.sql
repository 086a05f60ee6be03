SELECT ticker, choice
FROM universe_choices
WHERE region = $region
ORDER BY ticker;
