"""What the packaged calendars are made of: `calendars/overrides.toml` and our own lists of closed days, read and checked.

`[venues.MIC]` says where a venue's sessions come from and which dates are trusted, `[[periods]]` which hours held for a
stretch of time, `[[overrides]]` what is corrected on one date. Every correction names its source; `ConfigError` names the
file and the entry that can't be taken.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import ConfigError

_CHANGES = ("closed", "open", "hours")
_HOURS = ("open", "close", "break_start", "break_end")
_VENUE_KEYS = {"timezone", "first", "last", "mirror", "closed_days", "hours", "second_opinion"}
_OPINION_KEYS = {"market", "country", "first", "also_closed"}
_CLOSED_COLUMNS = ("date", "reason", "source")


@dataclass(frozen=True)
class LocalHours:
    """Hours on the venue's clock; without a break both its ends are None."""

    open: time
    close: time
    break_start: time | None = None
    break_end: time | None = None


@dataclass(frozen=True)
class SecondOpinion:
    """Who else knows the venue's closed days, from `first` on: a `market` or a `country` of `holidays`.

    `also_closed` are the days of a year (month, day) on which the venue is closed beside those.
    """

    market: str
    country: str
    first: date
    also_closed: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class VenueRange:
    """What is known of a venue: `first` to `last`, both included, in its IANA `timezone`, and where its sessions come from.

    Sessions come from the exchange-calendars class `mirror`, or, where that is empty, are all weekdays without
    `closed_days` (date -> reason), at `hours`.
    """

    mic: str
    timezone: str
    first: date
    last: date
    mirror: str
    closed_days: dict[date, str] = field(default_factory=dict)
    hours: LocalHours | None = None
    second_opinion: SecondOpinion | None = None


@dataclass(frozen=True)
class Period:
    """Hours that held from `first` to `last`, both included, where the mirror knows others: given ones replace its own.

    Only full sessions change, those with the most usual hours of the period: half days and late opens stay. `no_break`
    takes the break away.
    """

    venue: str
    first: date
    last: date
    changed: dict[str, time]
    no_break: bool
    source: str


@dataclass(frozen=True)
class Override:
    """One dated correction: `open` and `close` are venue-local times, None unless the change sets hours."""

    venue: str
    date: date
    change: Literal["closed", "open", "hours"]
    open: time | None
    close: time | None
    source: str


@dataclass(frozen=True)
class Sources:
    """Everything a build is told by us."""

    venues: list[VenueRange]
    periods: list[Period]
    overrides: list[Override]


def read(path: Path) -> Sources:
    """Venues, periods and overrides of a TOML file, with the lists of closed days beside it.

    `ConfigError` naming file and entry when one can't be taken.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing: it names the venues and their corrections") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = set(document) - {"venues", "periods", "overrides"}
    if unknown:
        raise ConfigError(f"{path}: unknown keys {', '.join(sorted(unknown))}; known are venues, periods and overrides")
    venues = [_venue(path, mic, table) for mic, table in document.get("venues", {}).items()]
    by_mic = {venue.mic: venue for venue in venues}
    periods = [_period(path, entry, by_mic) for entry in document.get("periods", [])]
    overrides = [_override(path, entry, by_mic) for entry in document.get("overrides", [])]
    seen: set[tuple[str, date]] = set()
    for override in overrides:
        if (override.venue, override.date) in seen:
            raise ConfigError(f"{path}: {override.venue} {override.date} stands twice; keep one line a date")
        seen.add((override.venue, override.date))
    return Sources(venues, periods, sorted(overrides, key=lambda o: (o.venue, o.date)))


def _venue(path: Path, mic: str, table: dict[str, Any]) -> VenueRange:
    where = f"{path}: venues.{mic}"
    if not _is_date(table.get("first")) or not _is_date(table.get("last")) or "timezone" not in table:
        raise ConfigError(f"{where} needs first and last (dates) and timezone")
    _refuse_unknown(where, table, _VENUE_KEYS)
    timezone = str(table["timezone"])
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"{where}.timezone {timezone!r} is no IANA timezone") from error
    own = table.get("closed_days")
    if (own is None) != ("hours" not in table) or (own is not None and "mirror" in table):
        raise ConfigError(f"{where}: closed_days and hours go together, and without a mirror")
    return VenueRange(
        mic=mic,
        timezone=timezone,
        first=table["first"],
        last=table["last"],
        mirror="" if own is not None else str(table.get("mirror", mic)),
        closed_days={} if own is None else _closed_days(path.parent / str(own)),
        hours=None if own is None else LocalHours(**_times(where, table["hours"], required=("open", "close"))),
        second_opinion=_second_opinion(where, mic, table),
    )


def _second_opinion(where: str, mic: str, table: dict[str, Any]) -> SecondOpinion:
    told = table.get("second_opinion", {})
    _refuse_unknown(f"{where}.second_opinion", told, _OPINION_KEYS)
    if "market" in told and "country" in told:
        raise ConfigError(f"{where}.second_opinion: a market or a country, not both")
    days = []
    for text in told.get("also_closed", []):
        try:
            day = date.fromisoformat(f"2000-{text}")
        except ValueError as error:
            raise ConfigError(f"{where}.second_opinion.also_closed: {text!r} is no MM-DD") from error
        days.append((day.month, day.day))
    first = told.get("first", table["first"])
    country = str(told.get("country", ""))
    return SecondOpinion("" if country else str(told.get("market", mic)), country, first, tuple(days))


def _closed_days(path: Path) -> dict[date, str]:
    """Our own list of closed weekdays: `date,reason,source`, lines that begin with # are comments."""
    if not path.is_file():
        raise ConfigError(f"{path} is missing: it lists the closed days of a venue without a mirror")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    if not rows or tuple(rows[0]) != _CLOSED_COLUMNS:
        raise ConfigError(f"{path}: its columns are {','.join(_CLOSED_COLUMNS)}")
    days: dict[date, str] = {}
    for row in rows[1:]:
        try:
            day = date.fromisoformat(row[0])
        except ValueError as error:
            raise ConfigError(f"{path}: {row[0]!r} is no date") from error
        if len(row) != len(_CLOSED_COLUMNS) or not all(row) or day in days:
            raise ConfigError(f"{path}: {day}: once a date, with its reason and its source")
        days[day] = row[1]
    return days


def _period(path: Path, entry: dict[str, Any], venues: dict[str, VenueRange]) -> Period:
    where = f"{path}: period {entry.get('venue')} {entry.get('first')}"
    _refuse_unknown(where, entry, {"venue", "first", "last", "no_break", "source", *_HOURS})
    first, last = entry.get("first"), entry.get("last")
    if entry.get("venue") not in venues or not _is_date(first) or not _is_date(last) or not first <= last:  # type: ignore[operator]
        raise ConfigError(f"{where}: needs a venue of [venues], first and last (dates in this order)")
    _require_source(where, entry)
    changed = _times(where, {name: entry[name] for name in _HOURS if name in entry})
    if not changed and not entry.get("no_break"):
        raise ConfigError(f"{where}: give one of {', '.join(_HOURS)}, or no_break = true")
    return Period(entry["venue"], first, last, changed, bool(entry.get("no_break")), entry["source"])  # type: ignore[arg-type]


def _override(path: Path, entry: dict[str, Any], venues: dict[str, VenueRange]) -> Override:
    where = f"{path}: override {entry.get('venue')} {entry.get('date')}"
    _refuse_unknown(where, entry, {"venue", "date", "change", "open", "close", "source"})
    venue = venues.get(entry.get("venue", ""))
    if venue is None or not _is_date(entry.get("date")) or not venue.first <= entry["date"] <= venue.last:
        raise ConfigError(f"{where}: needs a venue of [venues] and a date inside its range")
    change, opens, closes = entry.get("change"), entry.get("open"), entry.get("close")
    if change not in _CHANGES:
        raise ConfigError(f"{where}: change {change!r} is none of {', '.join(_CHANGES)}")
    _require_source(where, entry)
    hours_given = isinstance(opens, time) and isinstance(closes, time)
    if (change == "hours" and not hours_given) or (change != "hours" and (opens or closes) and not hours_given):
        raise ConfigError(f"{where}: give open and close, both as local times (10:00:00)")
    if change == "closed" and hours_given:
        raise ConfigError(f"{where}: a closed day has no hours")
    return Override(venue.mic, entry["date"], change, opens, closes, entry["source"])


def _times(where: str, given: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, time]:
    wrong = [name for name, value in given.items() if name not in _HOURS or not isinstance(value, time)]
    missing = [name for name in required if name not in given]
    if wrong or missing or (required and ("break_start" in given) != ("break_end" in given)):
        raise ConfigError(f"{where}: hours are local times (10:00:00) named {', '.join(_HOURS)}, a break with both its ends")
    return given


def _require_source(where: str, entry: dict[str, Any]) -> None:
    if not entry.get("source"):
        raise ConfigError(f"{where}: every correction names its source")


def _refuse_unknown(where: str, table: dict[str, Any], known: set[str]) -> None:
    unknown = set(table) - known
    if unknown:
        raise ConfigError(f"{where}: unknown keys {', '.join(sorted(unknown))}")


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
