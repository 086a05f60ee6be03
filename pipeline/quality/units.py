"""Prices of another unit (pence for pounds, cents for dollars) where no traded value tells: whole answers, and single rows.

Only rows that are adjusted for splits are judged: a series as traded jumps honestly, and its rows have their traded value.
"""

from __future__ import annotations

import math

import polars as pl

from pipeline.frames import CASH_KINDS
from pipeline.quality.frames import OTHER_UNITS

#: How near to 10, 100 or 1,000 times what is stored an answer's closes are of another unit (market_semantics.md).
UNIT_TOLERANCE = 0.02

#: How far a close may lie from those of its neighbours: half-way between ten and a hundred times, as factor.
FARTHEST_CLOSE = 10**1.5

#: Sessions on each side that are a close's neighbours, and how many of them it takes to judge it.
NEIGHBOURS = 5

_WORDS = {1: "10 times", 2: "100 times", 3: "1000 times", -1: "1/10 of", -2: "1/100 of", -3: "1/1000 of"}
_CELL = ("ticker", "date")


def other_units(rows: pl.DataFrame, actions: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """OTHER_UNITS: the sessions of `rows` (BARS, whole answers) whose prices are of another unit, each once.

    All rows of a ticker are where all its closes that stand in the store (`standing`, STANDING_CLOSES) came 10, 100 or 1,000
    times as high or low, and no share-count event of `actions` (ACTIONS, of the same answers) says why; else single rows
    that are far from their neighbours in the answer.
    """
    closes = (
        rows.filter((pl.col("basis") == "split_adjusted") & pl.col("close").is_finite() & (pl.col("close") > 0))
        .select(*_CELL, "close")
        .drop_nulls()
        .unique(subset=_CELL, keep="first")
    )
    if closes.is_empty():
        return OTHER_UNITS.to_frame()
    whole = closes.join(_wholly_wrong(closes, actions, standing), on="ticker", how="inner")
    single = _far_from_neighbours(closes.join(whole, on="ticker", how="anti"))
    return pl.concat([whole.select(OTHER_UNITS.names()), single])


def _wholly_wrong(closes: pl.DataFrame, actions: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """The tickers (ticker, other_unit) whose every close beside a stored one is of the same other unit."""
    beside = closes.join(standing.rename({"close": "stored"}), on=_CELL, how="inner").filter(pl.col("stored") > 0)
    events = actions.filter(
        pl.col("in_split_adjusted") & ~pl.col("kind").is_in(CASH_KINDS) & (pl.col("price_factor") > 0)
    ).select("ticker", "ex_date", "price_factor")
    # A provider may adjust later than it tells: the step may come from an event that the stored close should have held.
    expected = (
        beside.join(events, on="ticker", how="inner")
        .group_by(_CELL)
        .agg(
            since=pl.col("price_factor").filter(pl.col("ex_date") > pl.col("adjusted_through")).product(),
            late=pl.col("price_factor").filter(pl.col("ex_date") > pl.col("date")).product(),
        )
    )
    times = pl.col("close") / pl.col("stored")
    step = times / pl.col("since")
    power = step.log10().round().cast(pl.Int32)
    is_other = ((step / pl.lit(10.0).pow(power) - 1).abs() <= UNIT_TOLERANCE) & power.is_in(list(_WORDS))
    is_late = (times / pl.col("late") - 1).abs() <= UNIT_TOLERANCE
    return (
        beside.join(expected, on=_CELL, how="left")
        .with_columns(pl.col("since", "late").fill_null(1.0))
        .with_columns(power=pl.when(is_other & ~is_late).then(power))
        .sort(_CELL)
        .group_by("ticker", maintain_order=True)
        .agg(
            pl.col("date", "close", "stored").last(),
            power=pl.col("power").last(),
            agreed=(pl.col("power").is_not_null().all()) & (pl.col("power").n_unique() == 1),
            sessions=pl.len(),
        )
        .filter("agreed")
        .select(
            "ticker",
            other_unit=pl.format(
                "closes are about {} those stored, on each of {} sessions (of {}: {} beside {})",
                pl.col("power").replace_strict(_WORDS, return_dtype=pl.String),
                *("sessions", "date", "close", "stored"),
            ),
        )
    )


def _far_from_neighbours(closes: pl.DataFrame) -> pl.DataFrame:
    """OTHER_UNITS of closes that lie further than `FARTHEST_CLOSE` from the median of their neighbours.

    The median of logarithms: between two levels of a series it is half-way in times, so a level that changed for good is
    held against both.
    """
    farthest = math.log(FARTHEST_CLOSE)
    # Most series never move so far: only the others are looked at row by row.
    moved = (pl.col("close").max() > FARTHEST_CLOSE * pl.col("close").min()).over("ticker")
    places = [place for place in range(-NEIGHBOURS, NEIGHBOURS + 1) if place]
    beside = pl.concat_list(pl.col("level").shift(place).over("ticker") for place in places).list.drop_nulls()
    return (
        closes.filter(moved)
        .sort(_CELL)
        .with_columns(level=pl.col("close").log())
        .with_columns(beside=beside)
        .with_columns(middle=pl.col("beside").list.median())
        .filter((pl.col("beside").list.len() >= NEIGHBOURS) & ((pl.col("level") - pl.col("middle")).abs() > farthest))
        .select(
            *_CELL,
            other_unit=pl.format(
                "close {} is {} times the median of the rows beside it in the answer ({})",
                "close",
                (pl.col("level") - pl.col("middle")).exp().round_sig_figs(3),
                pl.col("middle").exp().round_sig_figs(6),
            ),
        )
    )
