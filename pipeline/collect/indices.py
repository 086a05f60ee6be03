"""The region's indices: their levels over the sessions that are missing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from adapters.base import IndexHistory, MarketAdapter
from adapters.factory import Chain
from pipeline.collect.plan import IndexUnit, Plan
from pipeline.collect.sessions import closed_sessions
from pipeline.errors import NotYet, Unavailable, Unsupported
from pipeline.store import STORED_INDEX_BARS

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

#: A level like that of the session before, volume and all, is a page that was not made anew.
_REPEATED = (
    pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("open", "high", "low", "close", "volume"))
    & (pl.col("volume") > 0)
    & (pl.col("session") == pl.col("session").shift(1) + 1)
).fill_null(False)


@dataclass(frozen=True)
class FetchedIndices:
    """`levels` STORED_INDEX_BARS; `owed`: indices that lack a session; `notes` for the report."""

    levels: pl.DataFrame
    owed: list[str]
    notes: list[str]


def fetch(chain: Chain, config: RegionConfig, plan: Plan, now: dt.datetime, run_id: str) -> FetchedIndices:
    """Ask for every index of the plan; levels of days that were no closed session are left out."""
    sessions = closed_sessions(config, min(unit.start for unit in plan.indices), plan.target, now)
    main = sessions.filter(pl.col("venue") == config.venues[0].mic).drop("venue").sort("date").with_row_index("session")
    levels = [pl.DataFrame(schema=STORED_INDEX_BARS)]
    owed: list[str] = []
    notes: list[str] = []
    for unit in plan.indices:
        try:
            served = chain.call(partial(_ask, region=config.region, unit=unit))
        except Unsupported as error:
            notes.append(f"index {unit.index_code}: {error}")
        except (Unavailable, NotYet) as error:
            notes.append(f"index {unit.index_code}: {error}")
            owed.append(unit.index_code)
        else:
            inside = served.value.bars.join(main, on="date", how="inner").sort("date").with_columns(run_id=pl.lit(run_id))
            found = inside.filter(~_REPEATED)
            levels.append(found.select(STORED_INDEX_BARS.names()))
            outside = served.value.bars.height - inside.height
            if found.height < inside.height:
                again = inside.filter(_REPEATED)["date"].to_list()
                days = ", ".join(map(str, again))
                notes.append(f"index {unit.index_code}: the values of the session before on {days}, left out")
            if outside:
                notes.append(f"index {unit.index_code}: {outside} levels on days that were no closed session, left out")
            if served.value.refused.height:
                notes.append(f"index {unit.index_code}: {served.value.refused.height} rows could not be read")
            missing = main.filter(pl.col("date") >= unit.start).join(found, on="date", how="anti")["date"]
            if missing.len():
                notes.append(
                    f"index {unit.index_code}: {served.provider} has no level for {missing.len()} sessions, "
                    f"{missing.to_list()[0]} to {missing.to_list()[-1]}"
                )
                owed.append(unit.index_code)
    return FetchedIndices(pl.concat(levels), owed, notes)


def _ask(adapter: MarketAdapter, *, region: str, unit: IndexUnit) -> IndexHistory:
    return adapter.index(region, unit.index_code, unit.start, unit.end)
