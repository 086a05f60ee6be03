"""What is missing, as questions to providers: the cells that should exist less those that do."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from pipeline import calendars
from pipeline.collect.providers import history_provider
from pipeline.collect.sessions import RegionSessions, closed_sessions
from pipeline.collect.spool import Unit
from pipeline.statements import statement
from pipeline.store.file import registered, rows

if TYPE_CHECKING:
    from pipeline.settings import LimitConfig, RegionConfig

#: How far before its first missing session a ticker's stored bars are looked for as overlap (calendar days).
_OVERLAP_REACH = dt.timedelta(days=120)
_INDEX_OVERLAP_REACH = dt.timedelta(days=15)

#: The first and the last bar of each basis that is stored of a ticker.
STORED = pl.Schema({"ticker": pl.String(), "basis": pl.String(), "first": pl.Date(), "last": pl.Date()})


@dataclass(frozen=True)
class IndexUnit:
    """One question for an index's levels from `start` to `end`, both included."""

    index_code: str
    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Plan:
    """What a run will ask: `units` and `indices`, over `sessions` (SESSIONS) of the region's venues.

    `followed`: one row a followed listing (ticker, venue, currency, listed_from …). `requests` and `seconds` are the budget
    at the provider's page size and rate limit, `rate` the requests a second that limit sustains; both None without a limit.
    `stored` (STORED) says which bases the store holds of each ticker.
    """

    region: str
    first: dt.date
    target: dt.date
    sessions: pl.DataFrame
    followed: pl.DataFrame
    units: tuple[Unit, ...]
    indices: tuple[IndexUnit, ...]
    requests: int
    seconds: float | None
    rate: float | None = None
    stored: pl.DataFrame = field(default_factory=STORED.to_frame)

    @property
    def session_count(self) -> int:
        """Distinct session dates of the run."""
        return self.sessions["date"].n_unique()

    def describe(self) -> str:
        """The budget in one line."""
        if self.followed.is_empty():
            return f"{self.region}: universe unknown: the first run fetches it"
        wait = "" if self.seconds is None else f", {self.seconds:,.0f} s"
        return (
            f"{self.region}: {self.session_count:,} session{'s' if self.session_count != 1 else ''} × "
            f"{self.followed.height:,} tickers → {len(self.units):,} tickers to ask, {self.requests:,} requests{wait}"
        )


def night_range(
    config: RegionConfig, target: dt.date, last_complete: dt.date | None
) -> dt.date:
    """First session of a night for `target`: the one after the last complete session, or a first night's history."""
    if last_complete is None:
        return RegionSessions(config).window(config.collect.initial_sessions, target)[0]
    if last_complete >= target:
        return target
    return RegionSessions(config).after(last_complete)


def make_plan(
    connection: duckdb.DuckDBPyConnection,
    config: RegionConfig,
    *,
    first: dt.date,
    target: dt.date,
    now: dt.datetime,
    night: bool,
) -> Plan:
    """Compare what should exist from `first` to `target` with the store (the main file's connection).

    In a night, tickers nobody ever asked for get a first night's history. Imported bars that no provider was asked about are
    joined up to today, and fetched anew where their basis is not the provider's.
    """
    region = config.region
    followed = connection.sql(statement("store/followed"), params={"region": region}).pl()
    reach = RegionSessions(config).window(config.collect.initial_sessions, target)[0] if night else first
    basis = config.providers[history_provider(config)].basis
    alike = [name for name, provider in config.providers.items() if provider.basis == basis]
    connection.execute(statement("store/held_since"), {"region": region, "basis": basis, "alike": alike})
    since = rows(connection, "store/oldest_held")[0][0]
    oldest = min(first, reach, since or first)
    sessions = closed_sessions(config, oldest, target, now)
    span = {
        "region": region,
        "first": first,
        "night": night,
        "reach": reach,
        "basis": basis,
        "alike": alike,
        "oldest": oldest,
        "newest": target,
    }
    with registered(connection, sessions=sessions.select("venue", "date")):
        # In the store and not in frames: 6,000 tickers × 1,000 sessions are six million cells.
        wanted = connection.sql(statement("store/missing_spans"), params=span).pl()
    units = _units(_with_overlap(connection, config, wanted))
    stored = connection.sql(statement("store/stored_bases"), params={"region": region}).pl()
    indices = _index_units(connection, config, first, target)
    requests = _budget(config, units, indices)
    return Plan(
        region=region,
        first=first,
        target=target,
        sessions=sessions.filter(pl.col("date") >= first),
        followed=followed,
        units=units,
        indices=indices,
        stored=stored,
        requests=requests,
        seconds=_seconds(config, requests),
        rate=min((limit.requests / limit.seconds for limit in _limits(config)), default=None),
    )


def unknown(config: RegionConfig, first: dt.date, target: dt.date, now: dt.datetime) -> Plan:
    """The plan of an empty home: nothing is known of the universe, so nothing can be counted."""
    sessions = closed_sessions(config, first, target, now)
    return Plan(config.region, first, target, sessions, pl.DataFrame(schema={"ticker": pl.String}), (), (), 0, None)


def without(plan: Plan, config: RegionConfig, tickers: set[str]) -> Plan:
    """The plan less the tickers whose answers are spooled already, with its budget counted anew."""
    units = tuple(unit for unit in plan.units if unit.ticker not in tickers)
    requests = _budget(config, units, plan.indices)
    return replace(plan, units=units, requests=requests, seconds=_seconds(config, requests))


def _budget(config: RegionConfig, units: tuple[Unit, ...], indices: tuple[IndexUnit, ...]) -> int:
    provider = config.providers[history_provider(config)]
    return sum(_pages(config, unit, provider.history_rows) for unit in units) + sum(
        _pages(config, unit, provider.index_rows) for unit in indices
    )


def _with_overlap(
    connection: duckdb.DuckDBPyConnection, config: RegionConfig, wanted: pl.DataFrame
) -> pl.DataFrame:
    """`wanted` with `overlap_from`: the date of the stored bar from which a ticker is asked again, null without one."""
    if wanted.is_empty() or not config.collect.overlap_bars:
        return wanted.with_columns(overlap_from=pl.lit(None, dtype=pl.Date))
    oldest, newest = wanted["first_missing"].min(), wanted["first_missing"].max()
    assert isinstance(oldest, dt.date)
    span = {
        "region": config.region,
        "provider": history_provider(config),
        "bars": config.collect.overlap_bars,
        "oldest": oldest - _OVERLAP_REACH,
        "newest": newest,
    }
    with registered(connection, wanted=wanted.select("ticker", "first_missing")):
        overlaps = connection.sql(statement("store/overlap_starts"), params=span).pl()
    return wanted.join(overlaps, on="ticker", how="left", maintain_order="left")


def _units(wanted: pl.DataFrame) -> tuple[Unit, ...]:
    return tuple(
        Unit(
            ticker=row["ticker"],
            venue=row["venue"],
            currency=row["currency"],
            start=row["overlap_from"] or row["first_missing"],
            end=row["last_missing"],
            known_before=row["overlap_from"] is not None,
            listed_from=row["listed_from"],
        )
        for row in wanted.iter_rows(named=True)
    )


def _index_units(
    connection: duckdb.DuckDBPyConnection, config: RegionConfig, first: dt.date, target: dt.date
) -> tuple[IndexUnit, ...]:
    """A question for each index that lacks sessions of the main venue, wherever they are: from the stored one before them."""
    calendar = calendars.calendar(config.venues[0].calendar)
    sessions = calendar.sessions(max(first, calendar.first), min(target, calendar.last))
    units = []
    for index in config.indices:
        if not any(provider in index.codes for provider in config.chain.get("index", ())):
            continue
        span = {"region": config.region, "index_code": index.code, "last": target}
        stored = [day for (day,) in rows(connection, "store/index_dates", **span)]
        missing = sorted(set(sessions).difference(stored))
        if missing:
            near = missing[0] - _INDEX_OVERLAP_REACH
            before = max((day for day in stored if near <= day < missing[0]), default=missing[0])
            units.append(IndexUnit(index.code, before, missing[-1]))
    return tuple(units)


def _pages(config: RegionConfig, unit: Unit | IndexUnit, rows: int) -> int:
    venue = unit.venue if isinstance(unit, Unit) else config.venues[0].mic
    calendar = calendars.calendar(next(one.calendar for one in config.venues if one.mic == venue))
    return max(1, math.ceil(len(calendar.sessions(unit.start, unit.end)) / rows))


def _seconds(config: RegionConfig, requests: int) -> float | None:
    """How long the provider's limits make `requests` take, at least."""
    waits = [max(0, requests - limit.requests) * limit.seconds / limit.requests for limit in _limits(config)]
    return max(waits) if waits else None


def _limits(config: RegionConfig) -> tuple[LimitConfig, ...]:
    provider = config.providers[history_provider(config)]
    host = provider.hosts.get(provider.account)
    return host.limits if host is not None else provider.limits

