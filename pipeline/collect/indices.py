"""The region's indices: their levels over the sessions that are missing, less those that can't be.

A level has no traded value that could contradict it. What tells a wrong unit is the level beside it: stored, or in the
same answer.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from adapters import factory
from adapters.base import IndexHistory, MarketAdapter
from adapters.factory import Chain
from pipeline.collect.plan import IndexUnit, Plan
from pipeline.collect.sessions import closed_sessions
from pipeline.errors import NotYet, Unavailable, Unsupported
from pipeline.frames import INDEX_BARS
from pipeline.statements import statement
from pipeline.store import QUARANTINE, STORED_INDEX_BARS, write_index_bars
from pipeline.store.incoming import append

if TYPE_CHECKING:
    from pipeline.attempts import AttemptLog
    from pipeline.settings import RegionConfig
    from pipeline.store import Store

#: An index that moved this many times up or down in one session never was.
JUMP = 5.0

#: A level like that of the session before, volume and all, is a page that was not made anew.
_REPEATED = (
    pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in ("open", "high", "low", "close", "volume"))
    & (pl.col("volume") > 0)
    & (pl.col("session") == pl.col("session").shift(1) + 1)
).fill_null(False)


@dataclass(frozen=True)
class FetchedIndices:
    """`levels` STORED_INDEX_BARS; `refused` QUARANTINE, under the index's code; `owed`: indices that lack a session or had
    one refused; `notes` for the report.
    """

    levels: pl.DataFrame
    refused: pl.DataFrame
    owed: list[str]
    notes: list[str]


@dataclass(frozen=True)
class _Witness:
    """A level that another one contradicts: stored, or in the same answer."""

    date: dt.date
    close: float
    stored: bool


@dataclass
class _Stretch:
    """Levels `first` to `last` (positions) of an answer without a jump; `good` is None until it is known."""

    first: int
    last: int
    good: bool | None = None
    witness: _Witness | None = None


def collect(
    store: Store, config: RegionConfig, plan: Plan, now: dt.datetime, run_id: str, log: AttemptLog
) -> FetchedIndices:
    """Ask for every index of the plan and write what came; a missing one is told in `notes` and `owed`."""
    chain = factory.chain(config.region, "index", on_attempt=log)
    stored = store.look(partial(stored_levels, region=config.region, units=plan.indices))
    fetched = fetch(chain, config, plan, now, run_id, stored)
    if fetched.levels.height or fetched.refused.height:
        with store.write(f"index {config.region}") as connection:
            write_index_bars(connection, fetched.levels, config.region)
            append(connection, "store/insert_quarantine", fetched.refused, QUARANTINE)
    return fetched


def stored_levels(connection: duckdb.DuckDBPyConnection, region: str, units: tuple[IndexUnit, ...]) -> dict[str, pl.DataFrame]:
    """By index code, what stands over each unit's range and the newest level before it: `date`, `close`, ascending."""
    return {
        unit.index_code: connection.sql(
            statement("store/index_levels"),
            params={"region": region, "index_code": unit.index_code, "first": unit.start, "last": unit.end},
        ).pl()
        for unit in units
    }


def fetch(
    chain: Chain, config: RegionConfig, plan: Plan, now: dt.datetime, run_id: str, stored: Mapping[str, pl.DataFrame]
) -> FetchedIndices:
    """Ask for every index of the plan; levels of days that were no closed session are left out.

    `stored`: by index code, what `stored_levels` found.
    """
    sessions = closed_sessions(config, min(unit.start for unit in plan.indices), plan.target, now)
    main = sessions.filter(pl.col("venue") == config.venues[0].mic).drop("venue").sort("date").with_row_index("session")
    levels = [pl.DataFrame(schema=STORED_INDEX_BARS)]
    refused = [pl.DataFrame(schema=QUARANTINE)]
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
            standing = stored[unit.index_code]
            again = inside.filter(_REPEATED)
            found = judged(inside.filter(~_REPEATED), standing)
            jumps = found.filter(pl.col("reason").is_not_null())
            levels.append(found.filter(pl.col("reason").is_null()).select(STORED_INDEX_BARS.names()))
            unread = served.value.refused
            kept_out = _kept_out(unit.index_code, again, jumps, unread, now, run_id)
            refused.append(kept_out)
            said = []
            if again.height:
                said.append(f"the values of the session before on {', '.join(map(str, again['date']))}, refused (repeated_row)")
            if jumps.height:
                said.append(_jumped(jumps))
            outside = served.value.bars.height - inside.height
            if outside:
                said.append(f"{outside} levels on days that were no closed session, left out")
            if unread.height:
                said.append(f"{unread.height} rows could not be read, refused")
            missing = (
                main.filter(pl.col("date").is_between(unit.start, unit.end))
                .join(inside, on="date", how="anti")
                .join(standing, on="date", how="anti")["date"]
            )
            if missing.len():
                said.append(
                    f"{served.provider} has no level for {missing.len()} sessions, "
                    f"{missing.to_list()[0]} to {missing.to_list()[-1]}"
                )
            notes += [f"index {unit.index_code}: {words}" for words in said]
            if missing.len() or kept_out.height:
                owed.append(unit.index_code)
    return FetchedIndices(pl.concat(levels), pl.concat(refused), owed, notes)


def judged(levels: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """`levels` of one index, ascending by `date`, with `reason`: why a level is refused, null for a good one; and `against`
    and `against_close`, the stored level that contradicts it, null where it is one of the same answer.

    `stored`: `date`, `close` of the levels that stand, ascending. Where they say nothing, the longest stretch of the answer
    without a jump is kept, the newest of equals. What lies beyond a refused level is refused with it, until that one is right:
    nothing stands beside it that could speak for it.
    """
    dates: list[dt.date] = levels["date"].to_list()
    closes: list[float] = levels["close"].to_list()
    standing = {day: _Witness(day, close, stored=True) for day, close in stored.select("date", "close").iter_rows()}
    stretches = _stretches(closes)
    for stretch in stretches:
        _weigh(stretch, dates, closes, standing)
    _spread(stretches, dates, closes, standing)
    if stretches and all(stretch.good is None for stretch in stretches):
        longest = max(stretches, key=lambda one: (one.last - one.first, one.last))
        longest.good = True
        _spread(stretches, dates, closes, {})
    reasons: list[str | None] = [None] * len(dates)
    against: list[_Witness | None] = [None] * len(dates)
    for stretch in stretches:
        for row in range(stretch.first, stretch.last + 1):
            same = standing.get(dates[row])
            witness = same if same is not None and _far(closes[row], same.close) else None
            if witness is None and not stretch.good:
                witness = stretch.witness
            if witness is not None:
                reasons[row] = _reason(dates[row], closes[row], witness)
                against[row] = witness if witness.stored else None
    return levels.with_columns(
        reason=pl.Series(reasons, dtype=pl.String),
        against=pl.Series([one and one.date for one in against], dtype=pl.Date),
        against_close=pl.Series([one and one.close for one in against], dtype=pl.Float64),
    )


def _stretches(closes: list[float]) -> list[_Stretch]:
    found: list[_Stretch] = []
    for row, close in enumerate(closes):
        if found and not _far(closes[row - 1], close):
            found[-1].last = row
        else:
            found.append(_Stretch(row, row))
    return found


def _weigh(stretch: _Stretch, dates: list[dt.date], closes: list[float], standing: Mapping[dt.date, _Witness]) -> None:
    """Judge a stretch by the stored levels of its own dates: one that fits is enough."""
    for row in range(stretch.first, stretch.last + 1):
        same = standing.get(dates[row])
        if same is not None:
            stretch.good = bool(stretch.good) or not _far(closes[row], same.close)
            stretch.witness = stretch.witness or same


def _spread(
    stretches: list[_Stretch], dates: list[dt.date], closes: list[float], standing: Mapping[dt.date, _Witness]
) -> None:
    """Judge the stretches without a stored level of their own by what stands beside them: forwards, then backwards."""
    for step in (1, -1):
        in_turn = stretches[::step]
        for place, stretch in enumerate(in_turn):
            if stretch.good is not None:
                continue
            edge = stretch.first if step == 1 else stretch.last
            beside = _beside(dates[edge], step, standing)
            before = in_turn[place - 1] if place else None
            if before is not None:
                neighbour = before.last if step == 1 else before.first
                if dates[neighbour] not in standing:
                    if before.good is None:
                        continue
                    # Next to a good stretch it is the jump; next to a refused one it lies beyond what is missing.
                    beside = _Witness(dates[neighbour], closes[neighbour], stored=False)
            if beside is not None:
                stretch.good = not _far(closes[edge], beside.close)
                stretch.witness = beside


def _beside(day: dt.date, step: int, standing: Mapping[dt.date, _Witness]) -> _Witness | None:
    """The stored level nearest to `day`: before it (`step` 1) or after it (-1)."""
    if step == 1:
        return standing.get(max((one for one in standing if one < day), default=day))
    return standing.get(min((one for one in standing if one > day), default=day))


def _far(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return low <= 0 or high >= JUMP * low


def _reason(day: dt.date, close: float, witness: _Witness) -> str:
    where = "stored for" if witness.stored else "in the same answer for"
    return f"close {close:.10g} on {day} does not fit {witness.close:.10g}, {where} {witness.date}"


def _jumped(jumps: pl.DataFrame) -> str:
    """The note on levels refused for a jump (`jumps` as `judged` left them)."""
    days, first = jumps["date"].to_list(), jumps["reason"].to_list()[0]
    words = f"{len(days)} levels refused (index_jump), {days[0]} to {days[-1]}: {first}; asked for again by the next run"
    stored = jumps.filter(pl.col("against").is_not_null())
    if stored.is_empty():
        return words
    day, close = stored.select("against", "against_close").row(0)
    return (
        f"{words}. {day} is stored as {close:.10g}: if that is wrong, right levels are refused every night, and no command "
        "takes it out; put back a copy of the home from before it was stored (backups/README.md)"
    )


def _kept_out(
    index_code: str, again: pl.DataFrame, jumps: pl.DataFrame, unread: pl.DataFrame, now: dt.datetime, run_id: str
) -> pl.DataFrame:
    """QUARANTINE rows of one index: repeated levels, levels that jumped, and what the adapter could not read (REFUSED)."""
    raw = pl.struct(INDEX_BARS.names()).map_elements(_as_json, return_dtype=pl.String)
    rows = pl.concat(
        [
            again.with_columns(
                raw=raw,
                rule=pl.lit("repeated_row"),
                reason=pl.format("open, high, low, close {} and volume on {} are those of the session before", "close", "date"),
            ),
            jumps.with_columns(raw=raw, rule=pl.lit("index_jump")),
            unread,
        ],
        how="diagonal",
    )
    return rows.with_columns(
        ticker=pl.lit(index_code),
        known_at=pl.lit(now, dtype=QUARANTINE["known_at"]),
        run_id=pl.lit(run_id),
    ).select(QUARANTINE.names())


def _as_json(row: dict[str, object]) -> str:
    return json.dumps(row, ensure_ascii=False, default=str)


def _ask(adapter: MarketAdapter, *, region: str, unit: IndexUnit) -> IndexHistory:
    return adapter.index(region, unit.index_code, unit.start, unit.end)
