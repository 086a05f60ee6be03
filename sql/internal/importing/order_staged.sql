-- In the order they are stored, each key's first row first. A later row of a key is a repeat of it, or contradicts it; a row
-- of another basis than its ticker's first would mix bases in one series.
CREATE TABLE ordered AS
SELECT
    *,
    CASE
        WHEN place = first_place THEN if(basis <> first_basis, 'mixed_basis', NULL)
        WHEN same_as_first THEN 'repeated'
        ELSE 'conflicting_rows'
    END AS fate
FROM (
    SELECT
        *,
        first_value(place) OVER same_key AS first_place,
        (open, high, low, close, volume, amount, currency, basis, adjusted_through)
            IS NOT DISTINCT FROM first_value((open, high, low, close, volume, amount, currency, basis, adjusted_through)) OVER same_key
            AS same_as_first,
        first_value(basis) OVER same_ticker AS first_basis
    FROM staged
    WINDOW
        same_key AS (PARTITION BY region, ticker, date ORDER BY place),
        same_ticker AS (PARTITION BY region, ticker ORDER BY date, place)
)
ORDER BY region, ticker, date, place;
