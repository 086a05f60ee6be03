"""What received rows are held against, as frames."""

from __future__ import annotations

import polars as pl

#: The listings asked for …
LISTED = pl.Schema({"ticker": pl.String(), "venue": pl.String(), "listing_currency": pl.String()})

#: … and the closed sessions of their venues, with the time their bars are final.
SESSIONS = pl.Schema(
    {"venue": pl.String(), "date": pl.Date(), "known_at": pl.Datetime("us", "UTC"), "finality": pl.String()}
)
