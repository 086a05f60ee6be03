"""The stage that keeps `technical_analysis`: only what a run touched is computed again, and all of it survives a kill.

What is stale is read from the tables: what runs committed that the indicators don't follow yet (`indicator_runs`), and bars
behind the newest indicator. So a run that was cut off leaves nothing that the next one, whichever it is, would not find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import duckdb
import polars as pl

from pipeline.frames import INDICATORS
from pipeline.indicators.compute import compute
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import registered
from pipeline.store.incoming import append

#: Timeframes and the period each of their bars is made of.
TIMEFRAMES = {"D": "day", "W": "week", "M": "month"}

#: Bars before the first stale one that are read again: they give the newest row to 4e-8 (stack.md, "indicators").
MEMORY = 300

#: Significant digits that are stored: more would tell `MEMORY` from the whole history.
DIGITS = 8

#: Bars worked on at a time: a backfill of ten years must not hold a whole region in memory.
_BARS_AT_ONCE = 500_000

#: Columns and dtypes of `technical_analysis`, in the table's order.
TECHNICAL_ANALYSIS = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "timeframe": pl.String(),
        "date": pl.Date(),
        **INDICATORS,
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)


@dataclass(frozen=True)
class Derived:
    """What a stage wrote: rows of `technical_analysis`, and tickers that were looked at, over all timeframes."""

    rows: int
    tickers: int

    @property
    def detail(self) -> str:
        """In words, for the run's record."""
        return f"{self.rows:,} rows of indicators for {self.tickers:,} tickers"


def derive(store: Store, *, region: str, run_id: str) -> Derived:
    """Bring the indicators of `region` up to its bars and events; what is written is stamped with `run_id`.

    D on adjusted bars, W and M on complete periods, each dated by its last session; `known_at` and `provider` are those of
    the newest bar inside. Stored values have `DIGITS` significant digits. Idempotent: nothing is owed, nothing changes.
    """
    owed, stale = store.look(partial(_owed, region=region), "indicators")
    rows = 0
    for load in _loads(stale):
        rows += store.work(
            partial(_bars, region=region, load=load),
            partial(_fresh, load=load, run_id=run_id),
            partial(_replace, region=region, load=load),
            f"indicators {region}",
        )
    if owed.height:
        with store.write(f"indicators {region}") as connection, registered(connection, owed=owed):
            connection.execute(statement("indicators/settle"), {"region": region})
    return Derived(rows, len({ticker for part in stale for ticker in part.stale["ticker"]}))


@dataclass(frozen=True)
class _Part:
    """What is to be computed again of a timeframe: ticker, since, start, bars of some tickers."""

    timeframe: str
    stale: pl.DataFrame


def _owed(connection: duckdb.DuckDBPyConnection, *, region: str) -> tuple[pl.DataFrame, list[_Part]]:
    """Runs whose commits are not taken in yet (run_id, batches), this one's or those of one that was cut off; what is stale."""
    owed: pl.DataFrame = connection.sql(statement("indicators/owed"), params={"region": region}).pl()
    parts = []
    with registered(connection, owed=owed):
        for timeframe, unit in TIMEFRAMES.items():
            wanted = {"region": region, "timeframe": timeframe, "unit": unit, "memory": MEMORY}
            stale: pl.DataFrame = connection.sql(statement("indicators/stale"), params=wanted).pl()
            numbered = stale.with_columns(part=(pl.col("bars").cum_sum() - 1) // _BARS_AT_ONCE)
            tickers = numbered.partition_by("part", maintain_order=True, include_key=False)
            parts += [_Part(timeframe, part) for part in tickers]
    return owed, parts


def _loads(parts: Sequence[_Part]) -> Iterator[list[_Part]]:
    """Parts that are worked on together: opening the file costs more than a small region's indicators."""
    load: list[_Part] = []
    bars = 0
    for part in parts:
        own = int(part.stale["bars"].sum())
        if load and bars + own > _BARS_AT_ONCE:
            yield load
            load, bars = [], 0
        load.append(part)
        bars += own
    if load:
        yield load


def _bars(connection: duckdb.DuckDBPyConnection, *, region: str, load: Sequence[_Part]) -> list[pl.DataFrame]:
    """The bars of each part, from each ticker's start."""
    found = []
    for part in load:
        # The range reaches the scan through the views' grouping; the join with the tickers does not.
        tickers = part.stale["ticker"]
        span = {"region": region, "timeframe": part.timeframe, "first": tickers.min(), "last": tickers.max()}
        with registered(connection, stale=part.stale):
            found.append(connection.sql(statement("indicators/bars"), params=span).pl())
    return found


def _fresh(bars: Sequence[pl.DataFrame], *, load: Sequence[_Part], run_id: str) -> list[pl.DataFrame]:
    """TECHNICAL_ANALYSIS of each part, from each ticker's first stale date on."""
    return [
        compute(found)
        .join(part.stale.select("ticker", "since"), on="ticker", how="inner", maintain_order="left")
        .filter(pl.col("date") >= pl.col("since"))
        .with_columns(pl.col(*INDICATORS).round_sig_figs(DIGITS), run_id=pl.lit(run_id))
        .select(TECHNICAL_ANALYSIS.names())
        .cast(TECHNICAL_ANALYSIS)
        for found, part in zip(bars, load, strict=True)
    ]


def _replace(
    connection: duckdb.DuckDBPyConnection, fresh: Sequence[pl.DataFrame], *, region: str, load: Sequence[_Part]
) -> int:
    """Put `fresh` in the place of what is stale; a date that no period ends on any more goes with it."""
    for rows, part in zip(fresh, load, strict=True):
        with registered(connection, stale=part.stale):
            connection.execute(statement("indicators/delete_stale"), {"region": region, "timeframe": part.timeframe})
        append(connection, "indicators/insert", rows, TECHNICAL_ANALYSIS)
    return sum(rows.height for rows in fresh)
