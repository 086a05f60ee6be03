"""Columns and dtypes of the tables that frames are written to, in each table's order."""

from __future__ import annotations

import polars as pl

from pipeline.frames import ACTIONS, BARS, INDEX_BARS

#: Columns and dtypes of `ohlcv_data`, in the table's order.
STORED_BARS = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "timeframe": pl.String(),
        "date": pl.Date(),
        **{name: BARS[name] for name in ("open", "high", "low", "close", "volume", "amount", "currency")},
        "provider": pl.String(),
        "basis": pl.String(),
        "adjusted_through": pl.Date(),
        "finality": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)

#: Columns and dtypes of `index_bars`, in the table's order.
STORED_INDEX_BARS = pl.Schema(
    {**INDEX_BARS, "finality": pl.String(), "known_at": pl.Datetime("us", "UTC"), "run_id": pl.String()}
)

#: Columns and dtypes of what is written to `corporate_actions`: the table numbers the rows of a kind and date itself.
STORED_ACTIONS = pl.Schema({**ACTIONS, "known_at": pl.Datetime("us", "UTC"), "run_id": pl.String()})

#: Columns and dtypes of `session_states`, in the table's order.
SESSION_STATES = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "date": pl.Date(),
        "state": pl.String(),
        "reason": pl.String(),
        "close": pl.Float64(),
        "asked": pl.Int32(),
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)

#: Columns and dtypes of `quarantine`, in the table's order.
QUARANTINE = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "date": pl.Date(),
        "rule": pl.String(),
        "reason": pl.String(),
        "raw": pl.String(),
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)

#: Columns and dtypes of `listing_ranges`, in the table's order.
LISTING_RANGES = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "asked_from": pl.Date(),
        "first_session": pl.Date(),
        "last_session": pl.Date(),
        "evidence": pl.String(),
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)
