"""The stage that keeps `technical_analysis`: only what a run touched is computed again, and all of it survives a kill.

What is stale is read from the tables: what runs committed that the indicators don't follow yet (`indicator_runs`), and bars
behind the newest indicator. So a run that was cut off leaves nothing that the next one, whichever it is, would not find.
"""

from __future__ import annotations

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
    rows = 0
    tickers: set[str] = set()
    owed = store.look(partial(_owed, region=region), "indicators")
    for timeframe in TIMEFRAMES:
        stale = store.look(partial(_stale, owed=owed, region=region, timeframe=timeframe), "indicators")
        tickers.update(stale["ticker"])
        for part in _parts(stale):
            rows += store.work(
                partial(_bars, region=region, timeframe=timeframe, stale=part),
                partial(_fresh, stale=part, run_id=run_id),
                partial(_replace, region=region, timeframe=timeframe, stale=part),
                f"indicators {region}",
            )
    if owed.height:
        with store.write(f"indicators {region}") as connection, registered(connection, owed=owed):
            connection.execute(statement("indicators/settle"), {"region": region})
    return Derived(rows, len(tickers))


def _owed(connection: duckdb.DuckDBPyConnection, *, region: str) -> pl.DataFrame:
    """run_id, batches: runs whose commits are not taken in yet, this one's or those of a run that was cut off."""
    found: pl.DataFrame = connection.sql(statement("indicators/owed"), params={"region": region}).pl()
    return found


def _stale(connection: duckdb.DuckDBPyConnection, *, owed: pl.DataFrame, region: str, timeframe: str) -> pl.DataFrame:
    """ticker, since, start, bars: what is to be computed again."""
    wanted = {"region": region, "timeframe": timeframe, "unit": TIMEFRAMES[timeframe], "memory": MEMORY}
    with registered(connection, owed=owed):
        found: pl.DataFrame = connection.sql(statement("indicators/stale"), params=wanted).pl()
    return found


def _parts(stale: pl.DataFrame) -> list[pl.DataFrame]:
    """Whole tickers, in order, of about `_BARS_AT_ONCE` bars together."""
    numbered = stale.with_columns(part=(pl.col("bars").cum_sum() - 1) // _BARS_AT_ONCE)
    return numbered.partition_by("part", maintain_order=True, include_key=False)


def _bars(connection: duckdb.DuckDBPyConnection, *, region: str, timeframe: str, stale: pl.DataFrame) -> pl.DataFrame:
    """The bars of some tickers, from each one's start."""
    # The range reaches the scan through the views' grouping; the join with the tickers does not.
    tickers = stale["ticker"]
    span = {"region": region, "timeframe": timeframe, "first": tickers.min(), "last": tickers.max()}
    with registered(connection, stale=stale):
        found: pl.DataFrame = connection.sql(statement("indicators/bars"), params=span).pl()
    return found


def _fresh(bars: pl.DataFrame, *, stale: pl.DataFrame, run_id: str) -> pl.DataFrame:
    """TECHNICAL_ANALYSIS from each ticker's first stale date on."""
    return (
        compute(bars)
        .join(stale.select("ticker", "since"), on="ticker", how="inner", maintain_order="left")
        .filter(pl.col("date") >= pl.col("since"))
        .with_columns(pl.col(*INDICATORS).round_sig_figs(DIGITS), run_id=pl.lit(run_id))
        .select(TECHNICAL_ANALYSIS.names())
        .cast(TECHNICAL_ANALYSIS)
    )


def _replace(
    connection: duckdb.DuckDBPyConnection, fresh: pl.DataFrame, *, region: str, timeframe: str, stale: pl.DataFrame
) -> int:
    """Put `fresh` in the place of what is stale; a date that no period ends on any more goes with it."""
    with registered(connection, stale=stale):
        connection.execute(statement("indicators/delete_stale"), {"region": region, "timeframe": timeframe})
    append(connection, "indicators/insert", fresh, TECHNICAL_ANALYSIS)
    return fresh.height
