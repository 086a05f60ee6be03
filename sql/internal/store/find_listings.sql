-- Listings that answer a text: by ticker, ISIN or a part of a name; what stands nearest first. What only an import knows
-- carries $never: no list has shown it.
WITH answers AS (
    SELECT
        *,
        ticker = upper($text) OR isin IS NOT DISTINCT FROM upper($text) AS exact,
        starts_with(ticker, upper($text)) AS begins
    FROM instruments
    WHERE valid_until IS NULL
        AND ($region IS NULL OR region = $region)
        AND (
            starts_with(ticker, upper($text))
            OR isin = upper($text)
            OR contains(lower(coalesce(name, '')), lower($text))
            OR contains(lower(coalesce(local_name, '')), lower($text))
        )
    ORDER BY exact DESC, followed DESC, begins DESC, value DESC NULLS LAST, region, ticker
    LIMIT $limit
), spans AS (
    SELECT bar.region, bar.ticker, min(bar.date) AS first_bar, max(bar.date) AS last_bar
    FROM ohlcv_data AS bar
    SEMI JOIN answers
        ON answers.region = bar.region
        AND answers.ticker = bar.ticker
    GROUP BY bar.region, bar.ticker
)
SELECT
    listing.region,
    listing.ticker,
    listing.venue,
    coalesce(listing.name, listing.local_name) AS name,
    CASE WHEN listing.name IS NOT NULL THEN listing.local_name END AS local_name,
    listing.security_type AS type,
    listing.currency,
    listing.value,
    listing.provider,
    nullif(listing.seen_at, $never) AS seen_at,
    listing.followed,
    listing.listed_until,
    spans.first_bar,
    spans.last_bar
FROM answers AS listing
LEFT JOIN spans
    ON spans.region = listing.region
    AND spans.ticker = listing.ticker
ORDER BY listing.exact DESC, listing.followed DESC, listing.begins DESC, listing.value DESC NULLS LAST, listing.region, listing.ticker;
