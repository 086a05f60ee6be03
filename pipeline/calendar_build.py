"""Makes the packaged calendars: the exchange-calendars mirror, checked by a second opinion, corrected by our overrides.

The mirror is the `exchange_calendars` package (it comes with pandas-market-calendars, whose own classes are not used:
its XKRX keeps a lunch break that ended in 2000). The second opinion is `holidays`. A weekday on which the two differ
must be decided in `calendars/overrides.toml`, otherwise nothing is written. Both packages are imported inside the
functions: they cost a second and only `spock calendar build` needs them.
"""

from __future__ import annotations

import os
import tomllib
import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.calendars import COLUMNS, FOLDER
from pipeline.errors import ConfigError

_CHANGES = ("closed", "open", "hours")
_SATURDAY = 5
_MARGIN = timedelta(days=40)


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
class VenueRange:
    """What is known of a venue: `first` to `last`, both included, in its IANA `timezone`."""

    mic: str
    timezone: str
    first: date
    last: date


@dataclass(frozen=True)
class Hours:
    """Hours of a session as aware UTC datetimes."""

    open: datetime
    close: datetime
    break_start: datetime | None = None
    break_end: datetime | None = None


def build(folder: Path = FOLDER) -> list[Path]:
    """Write `<MIC>.csv` for every venue of `folder`/overrides.toml and return the paths.

    The same packages and overrides give the same bytes. `ConfigError` when the overrides can't be read, or when mirror
    and second opinion differ on a weekday that no override decides.
    """
    venues, overrides = read_overrides(folder / "overrides.toml")
    texts = {venue.mic: render(venue, [o for o in overrides if o.venue == venue.mic]) for venue in venues}
    paths = []
    for mic, text in texts.items():
        path = folder / f"{mic}.csv"
        partial = path.with_suffix(".csv.partial")
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
        paths.append(path)
    return paths


def render(venue: VenueRange, overrides: list[Override]) -> str:
    """The text of one calendar file: a line of range and versions, the column names, one session a line, ascending."""
    sessions = _mirror(venue)
    undecided = _disagreements(venue, set(sessions)) - {o.date for o in overrides}
    if undecided:
        raise ConfigError(
            f"{venue.mic}: mirror and second opinion differ on {', '.join(map(str, sorted(undecided)))}; "
            "decide each in calendars/overrides.toml, with its source"
        )
    for override in overrides:
        _apply(override, sessions, ZoneInfo(venue.timezone))
    lines = [_header(venue), ",".join(COLUMNS)]
    for day in sorted(sessions):
        hours = sessions[day]
        cells = (hours.open, hours.close, hours.break_start, hours.break_end)
        lines.append(",".join([day.isoformat(), *(_cell(moment) for moment in cells)]))
    return "\n".join(lines) + "\n"


def read_overrides(path: Path) -> tuple[list[VenueRange], list[Override]]:
    """Venues and overrides of a TOML file; `ConfigError` naming file and entry when one can't be taken."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing: it names the venues and their corrections") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = set(document) - {"venues", "overrides"}
    if unknown:
        raise ConfigError(f"{path}: unknown keys {', '.join(sorted(unknown))}; known are venues and overrides")
    venues = [_venue(path, mic, table) for mic, table in document.get("venues", {}).items()]
    overrides = [_override(path, entry, {v.mic: v for v in venues}) for entry in document.get("overrides", [])]
    seen: set[tuple[str, date]] = set()
    for override in overrides:
        if (override.venue, override.date) in seen:
            raise ConfigError(f"{path}: {override.venue} {override.date} stands twice; keep one line a date")
        seen.add((override.venue, override.date))
    return venues, sorted(overrides, key=lambda o: (o.venue, o.date))


def _venue(path: Path, mic: str, table: dict[str, Any]) -> VenueRange:
    timezone = table.get("timezone")
    if set(table) != {"first", "last", "timezone"} or not _is_date(table["first"]) or not _is_date(table["last"]):
        raise ConfigError(f"{path}: venues.{mic} needs first and last (dates) and timezone, nothing else")
    try:
        ZoneInfo(str(timezone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"{path}: venues.{mic}.timezone {timezone!r} is no IANA timezone") from error
    return VenueRange(mic, str(timezone), table["first"], table["last"])


def _override(path: Path, entry: dict[str, Any], venues: dict[str, VenueRange]) -> Override:
    where = f"{path}: override {entry.get('venue')} {entry.get('date')}"
    unknown = set(entry) - {"venue", "date", "change", "open", "close", "source"}
    if unknown:
        raise ConfigError(f"{where}: unknown keys {', '.join(sorted(unknown))}")
    venue = venues.get(entry.get("venue", ""))
    if venue is None or not _is_date(entry.get("date")) or not venue.first <= entry["date"] <= venue.last:
        raise ConfigError(f"{where}: needs a venue of [venues] and a date inside its range")
    change, opens, closes = entry.get("change"), entry.get("open"), entry.get("close")
    if change not in _CHANGES:
        raise ConfigError(f"{where}: change {change!r} is none of {', '.join(_CHANGES)}")
    if not entry.get("source"):
        raise ConfigError(f"{where}: every correction names its source")
    hours_given = isinstance(opens, time) and isinstance(closes, time)
    if (change == "hours" and not hours_given) or (change != "hours" and (opens or closes) and not hours_given):
        raise ConfigError(f"{where}: give open and close, both as local times (10:00:00)")
    if change == "closed" and hours_given:
        raise ConfigError(f"{where}: a closed day has no hours")
    return Override(venue.mic, entry["date"], change, opens, closes, entry["source"])


def _is_date(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _mirror(venue: VenueRange) -> dict[date, Hours]:
    """Sessions and UTC hours as the exchange-calendars mirror has them."""
    mirrors = import_module("exchange_calendars")
    # XKRX's mirror moves the hours of the last session it was asked for when the first business day of a year in the
    # range was closed (2000-01-03): ask for more than is wanted and cut.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the mirror's own use of pandas
        bound = mirrors.get_calendar(venue.mic).bound_max()  # None where rules alone make the calendar
        margin = venue.last + _MARGIN if bound is None else min(venue.last + _MARGIN, bound.date())
        mirror = mirrors.get_calendar(venue.mic, start=venue.first.isoformat(), end=margin.isoformat())
    return {
        row.Index.date(): Hours(
            open=_moment(row.open),
            close=_moment(row.close),
            break_start=_break(row.break_start),
            break_end=_break(row.break_end),
        )
        for row in mirror.schedule.itertuples()
        if row.Index.date() <= venue.last
    }


def _moment(stamp: Any) -> datetime:
    return cast(datetime, stamp.to_pydatetime()).astimezone(UTC)


def _break(stamp: Any) -> datetime | None:
    """One end of a break; the mirror writes "none" as NaT."""
    return None if str(stamp) == "NaT" else _moment(stamp)


def _disagreements(venue: VenueRange, sessions: set[date]) -> set[date]:
    """Weekdays on which the mirror trades and the second opinion does not, or the other way round."""
    years = range(venue.first.year, venue.last.year + 1)
    closed = import_module("holidays").financial_holidays(venue.mic, years=years)
    days = (venue.first + timedelta(days=n) for n in range((venue.last - venue.first).days + 1))
    return {day for day in days if day.weekday() < _SATURDAY and (day in sessions) == (day in closed)}


def _apply(override: Override, sessions: dict[date, Hours], zone: ZoneInfo) -> None:
    """Change `sessions` as one override says."""
    day = override.date
    if override.change == "closed":
        sessions.pop(day, None)
        return
    if override.change == "hours" and day not in sessions:
        raise ConfigError(f'override {override.venue} {day}: hours for a closed day; write change = "open" instead')
    if override.open is not None and override.close is not None:
        sessions[day] = Hours(open=_local(day, override.open, zone), close=_local(day, override.close, zone))
    elif day not in sessions:
        model = max(other for other in sessions if other < day)
        hours = sessions[model]
        local_open, local_close = hours.open.astimezone(zone).time(), hours.close.astimezone(zone).time()
        sessions[day] = Hours(open=_local(day, local_open, zone), close=_local(day, local_close, zone))


def _local(day: date, moment: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, moment, zone).astimezone(UTC)


def _header(venue: VenueRange) -> str:
    made_of = f"exchange-calendars {version('exchange-calendars')}, holidays {version('holidays')}, overrides.toml"
    return (
        f"# {venue.mic} {venue.timezone} known {venue.first} to {venue.last}; "
        f"made by `spock calendar build` from {made_of}"
    )


def _cell(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
