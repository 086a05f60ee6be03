"""One basis a series: what becomes of an answer whose provider adjusts for splits otherwise than the stored bars.

Where the stored bars are as traded and every row of the answer beside them has their close, and no split came after the first
new row, the answer is proven to be as traded too. Otherwise the ticker's whole stored range is asked from that provider.

An answer that is set aside for that is the one thing a run fetches and does not spool: its rows come once more with the whole
range, and a spooled ticker is not asked again. A run that is cut off in between asks both questions anew.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from pipeline.frames import ACTIONS, BARS, CASH_KINDS
from pipeline.statements import statement

if TYPE_CHECKING:
    import duckdb

    from pipeline.collect.plan import Plan
    from pipeline.collect.spool import Fetched, Unit
    from pipeline.store import Store

#: How far two providers' closes of one session may lie apart: 1 basis point (market_semantics.md, "Providers in a chain").
SAME_CLOSE = 1e-4


class Bases:
    """The bases of one run's series. `again`: by provider, the units whose whole range it is to be asked for."""

    def __init__(self, store: Store, plan: Plan) -> None:
        self._store = store
        self._plan = plan
        self._stored = plan.stored.partition_by("ticker", as_dict=True)
        self.again: dict[str, list[Unit]] = {}

    def settled(self, answer: Fetched) -> Fetched | None:
        """The answer as its series can take it; None for one whose ticker is in `again` now: its rows will come once more."""
        others = self._others(answer)
        if others.is_empty():
            return answer
        unit = answer.unit
        standing = self._store.look(partial(_raw_bars, region=self._plan.region, unit=unit), "basis")
        if others["basis"].unique().to_list() == ["raw"] and is_as_traded(answer.bars, answer.actions, standing):
            return replace(answer, bars=as_traded(answer.bars, standing))
        first, last = others["first"].min(), others["last"].max()
        assert isinstance(first, dt.date)
        assert isinstance(last, dt.date)
        # A run commits nothing beyond its target: what stands after it is for the next night.
        whole = replace(
            unit,
            start=min(unit.start, first),
            end=min(max(unit.end, last), self._plan.target),
            known_before=False,
        )
        self.again.setdefault(answer.provider, []).append(whole)
        return None

    def _others(self, answer: Fetched) -> pl.DataFrame:
        """What is stored of the ticker in another basis and would stay beside the answer's rows (STORED)."""
        stored = self._stored.get((answer.unit.ticker,))
        if stored is None or answer.bars.is_empty():
            return self._plan.stored.clear()
        # An answer takes the place of what stands only where it was walked to its end.
        inside = (pl.col("first") >= answer.unit.start) & (pl.col("last") <= answer.unit.end) & answer.walked
        return stored.filter((pl.col("basis") != answer.bars["basis"][0]) & ~inside)


def is_as_traded(bars: pl.DataFrame, actions: pl.DataFrame, standing: pl.DataFrame) -> bool:
    """Whether `bars` (BARS, split-adjusted) are proven to be as traded by the bars `standing` (BARS, raw) of the same ticker.

    `actions` (ACTIONS): what the provider tells of the ticker, through the day of its answer.
    """
    beside = bars.join(standing.select("date", stored="close"), on="date", how="inner")
    agree = ((pl.col("close") - pl.col("stored")).abs() <= SAME_CLOSE * pl.col("stored")).fill_null(False)
    if beside.is_empty() or not beside.select(agree.all()).item():
        return False
    new = bars.join(standing, on="date", how="anti")["date"].min()
    if new is None:
        return True
    later = actions.select(ACTIONS.names()).filter((pl.col("ex_date") > new) & ~pl.col("kind").is_in(CASH_KINDS))
    return later.is_empty()


def as_traded(bars: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """`bars` as raw ones; on the dates of `standing` its own rows, which they confirm."""
    new = bars.join(standing, on="date", how="anti").with_columns(
        basis=pl.lit("raw"), adjusted_through=pl.lit(None, dtype=pl.Date)
    )
    kept = standing.filter(pl.col("date").is_in(bars["date"].to_list()))
    return pl.concat([kept.select(BARS.names()), new.select(BARS.names())]).sort("date", maintain_order=True)


def _raw_bars(connection: duckdb.DuckDBPyConnection, *, region: str, unit: Unit) -> pl.DataFrame:
    span = {"region": region, "ticker": unit.ticker, "first": unit.start, "last": unit.end}
    found: pl.DataFrame = connection.sql(statement("store/raw_bars"), params=span).pl().cast(dict(BARS))
    return found
