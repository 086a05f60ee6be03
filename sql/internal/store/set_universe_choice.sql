-- The same choice again keeps the time of the first.
INSERT INTO universe_choices (region, ticker, choice, chosen_at)
VALUES ($region, $ticker, $choice, $chosen_at)
ON CONFLICT (region, ticker) DO UPDATE
SET choice = excluded.choice,
    chosen_at = excluded.chosen_at
WHERE universe_choices.choice <> excluded.choice;
