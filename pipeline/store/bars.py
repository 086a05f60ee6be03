"""Bars into the store, each key exactly once without an index: what stands is found, compared and replaced."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import polars as pl

from pipeline.errors import DuplicateRows
from pipeline.statements import statement
from pipeline.store.file import rows
from pipeline.store.incoming import incoming, require_region
from pipeline.store.schemas import QUARANTINE, STORED_BARS, STORED_INDEX_BARS


@dataclass(frozen=True)
class WrittenBars:
    """`stored` were new or changed, `revised` of them replaced other values; `withheld` (QUARANTINE) may replace nothing."""

    stored: int
    revised: int
    withheld: pl.DataFrame


def write_bars(
    connection: duckdb.DuckDBPyConnection, bars: pl.DataFrame, region: str, run_id: str, at: dt.datetime
) -> WrittenBars:
    """Write STORED_BARS of one region in the caller's transaction; a cell that holds a bar needs no session state.

    `DuplicateRows` if a key would not stand exactly once.
    """
    withheld = pl.DataFrame(schema=QUARANTINE)
    if not bars.height:
        return WrittenBars(0, 0, withheld)
    require_region(bars, region)
    first, last = bars["date"].min(), bars["date"].max()
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    span = {"region": region, "first": first, "last": last}
    bars = _in_order(bars, f"region {region}, {first} to {last}")
    before, states = rows(connection, "store/span_count", **span)[0]
    standing, keys, unchanged, changed, kept = 0, 0, 0, 0, 0
    with incoming(connection, bars, STORED_BARS):
        if before:
            connection.execute(statement("store/standing"), span)
            standing, keys, unchanged, changed, kept = rows(connection, "store/standing_counts")[0]
        if kept:
            withheld = connection.sql(statement("store/withheld_bars")).pl().cast(QUARANTINE)
        if changed:
            connection.execute(statement("store/insert_revisions"), {"run_id": run_id, "at": at})
        if standing > unchanged:
            connection.execute(statement("store/delete_replaced"))
        connection.execute(statement("store/insert_bars" if unchanged else "store/insert_all_bars"))
        if states:
            connection.execute(statement("store/delete_states_of_bars"), {"region": region})
    after = rows(connection, "store/span_count", **span)[0][0]
    # The batch holds each key once: so does the table, if it did for the keys that stood and just the others were added.
    if standing != keys or after != before + bars.height - standing:
        raise DuplicateRows(
            f"region {region}, {first} to {last}: {standing} rows stood for {keys} keys of a batch of {bars.height} bars, "
            f"and {before} rows of its span became {after} in ohlcv_data, so a key would not stand exactly once; rolled "
            "back. See `spock runs` for the run, nothing of this batch was written"
        )
    return WrittenBars(bars.height - unchanged, changed, withheld)


def _in_order(bars: pl.DataFrame, where: str) -> pl.DataFrame:
    """`bars` by (ticker, timeframe, date), each key once; raises `DuplicateRows`."""
    if _rises(bars):
        return bars
    ordered = bars.sort("ticker", "timeframe", "date")
    if not _rises(ordered):
        raise DuplicateRows(
            f"{where}: a batch of {bars.height} bars holds a key twice, so it would not stand exactly once in "
            "ohlcv_data; rolled back. See `spock runs` for the run, nothing of this batch was written"
        )
    return ordered


def _rises(bars: pl.DataFrame) -> bool:
    """Whether every key (ticker, timeframe, date) is above the one before."""
    ticker, timeframe, date = (pl.col(name) for name in ("ticker", "timeframe", "date"))
    rises = (ticker > ticker.shift()) | (
        (ticker == ticker.shift())
        & ((timeframe > timeframe.shift()) | ((timeframe == timeframe.shift()) & (date > date.shift())))
    )
    return bool(bars.select(rises.all()).item())


def write_index_bars(connection: duckdb.DuckDBPyConnection, bars: pl.DataFrame, region: str) -> None:
    """Write STORED_INDEX_BARS of one region: rows that stand with other values are replaced."""
    if not bars.height:
        return
    require_region(bars, region)
    with incoming(connection, bars, STORED_INDEX_BARS):
        connection.execute(statement("store/delete_index_bars"))
        connection.execute(statement("store/insert_index_bars"))
        standing = rows(connection, "store/count_index_keys")[0]
    if standing != (bars.height, bars.height):
        raise DuplicateRows(
            f"region {region}: {bars.height} index bars left {standing[0]} rows for their keys in index_bars; rolled back"
        )
