"""What received rows are held against, as frames."""

from __future__ import annotations

import polars as pl

#: The listings asked for …
LISTED = pl.Schema({"ticker": pl.String(), "venue": pl.String(), "listing_currency": pl.String()})

#: … and the closed sessions of their venues, with the time their bars are final.
SESSIONS = pl.Schema(
    {"venue": pl.String(), "date": pl.Date(), "known_at": pl.Datetime("us", "UTC"), "finality": pl.String()}
)

#: Closes that stand in the store, as they do: `adjusted_through` is the last day whose splits they contain (as traded: `date`).
STANDING_CLOSES = pl.Schema(
    {"ticker": pl.String(), "date": pl.Date(), "close": pl.Float64(), "adjusted_through": pl.Date()}
)

#: Sessions of tickers whose rows are of another unit, and how that is seen.
OTHER_UNITS = pl.Schema({"ticker": pl.String(), "date": pl.Date(), "other_unit": pl.String()})
