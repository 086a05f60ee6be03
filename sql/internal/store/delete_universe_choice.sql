DELETE FROM universe_choices
WHERE region = $region
    AND ticker = $ticker;
