"""Makes the packaged calendars: the exchange-calendars mirror, checked by a second opinion, corrected by our overrides.

The mirror is the `exchange_calendars` package (it comes with pandas-market-calendars, whose own classes are not used: its
XKRX keeps a lunch break that ended in 2000, its HKEX knows no half days). Venues without a mirror have a list of closed days
of our own. The second opinion is `holidays`. A weekday on which the two differ must be decided, with its source, in
`calendars/overrides.toml` (or by a line of our own list), otherwise nothing is written. Both packages are imported inside
the functions: they cost a second and only `spock calendar build` needs them.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from pipeline import calendar_sources
from pipeline.calendar_sources import Override, Period, Sources, VenueRange
from pipeline.calendars import COLUMNS, FOLDER
from pipeline.errors import ConfigError

_SATURDAY = 5
_MARGIN = timedelta(days=40)


@dataclass(frozen=True)
class Hours:
    """Hours of a session as aware UTC datetimes; no break is None twice."""

    open: datetime
    close: datetime
    break_start: datetime | None = None
    break_end: datetime | None = None


def build(folder: Path = FOLDER) -> list[Path]:
    """Write `<MIC>.csv` for every venue of `folder`/overrides.toml and return the paths.

    The same packages and overrides give the same bytes. `ConfigError` when the overrides can't be read, or when mirror
    and second opinion differ on a weekday that nothing decides.
    """
    sources = calendar_sources.read(folder / "overrides.toml")
    texts = {venue.mic: render(venue, sources) for venue in sources.venues}
    paths = []
    for mic, text in texts.items():
        path = folder / f"{mic}.csv"
        partial = path.with_suffix(".csv.partial")
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
        paths.append(path)
    return paths


def render(venue: VenueRange, sources: Sources) -> str:
    """The text of one calendar file: a line of range and versions, the column names, one session a line, ascending."""
    overrides = [override for override in sources.overrides if override.venue == venue.mic]
    zone = ZoneInfo(venue.timezone)
    sessions = _mirror(venue) if venue.mirror else _own(venue, zone)
    undecided = _disagreements(venue, set(sessions)) - {o.date for o in overrides} - set(venue.closed_days)
    if undecided:
        raise ConfigError(
            f"{venue.mic}: mirror and second opinion differ on {', '.join(map(str, sorted(undecided)))}; "
            "decide each in calendars/overrides.toml, with its source"
        )
    for period in sources.periods:
        if period.venue == venue.mic:
            _apply_period(period, sessions, zone)
    for override in overrides:
        _apply(override, sessions, zone)
    lines = [_header(venue), ",".join(COLUMNS)]
    for day in sorted(sessions):
        hours = sessions[day]
        cells = (hours.open, hours.close, hours.break_start, hours.break_end)
        lines.append(",".join([day.isoformat(), *(_cell(moment) for moment in cells)]))
    return "\n".join(lines) + "\n"


def _mirror(venue: VenueRange) -> dict[date, Hours]:
    """Sessions and UTC hours as the exchange-calendars mirror has them."""
    # XKRX's mirror moves the hours of the last session it was asked for when the first business day of a year in the
    # range was closed (2000-01-03): ask for more than is wanted and cut.
    get_calendar = import_module("exchange_calendars").get_calendar
    first, last = venue.first.isoformat(), venue.last.isoformat()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the mirror's own use of pandas
        try:
            mirror = get_calendar(venue.mirror, start=first, end=(venue.last + _MARGIN).isoformat())
        except ValueError:  # it ends before that: some mirrors are lists of announced holidays
            mirror = get_calendar(venue.mirror, start=first, end=last)
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


def _own(venue: VenueRange, zone: ZoneInfo) -> dict[date, Hours]:
    """All weekdays that our own list does not close, at the venue's hours."""
    local = venue.hours
    if local is None:
        raise ConfigError(f"{venue.mic}: neither a mirror nor hours of its own")
    return {
        day: Hours(
            open=_local(day, local.open, zone),
            close=_local(day, local.close, zone),
            break_start=None if local.break_start is None else _local(day, local.break_start, zone),
            break_end=None if local.break_end is None else _local(day, local.break_end, zone),
        )
        for day in _weekdays(venue.first, venue.last)
        if day not in venue.closed_days
    }


def _moment(stamp: Any) -> datetime:
    return cast(datetime, stamp.to_pydatetime()).astimezone(UTC)


def _break(stamp: Any) -> datetime | None:
    """One end of a break; the mirror writes "none" as NaT."""
    return None if str(stamp) == "NaT" else _moment(stamp)


def _disagreements(venue: VenueRange, sessions: set[date]) -> set[date]:
    """Weekdays on which the mirror trades and the second opinion does not, or the other way round."""
    opinion = venue.second_opinion
    if opinion is None:
        return set()
    holidays = import_module("holidays")
    years = range(opinion.first.year, venue.last.year + 1)
    if opinion.country:
        closed = holidays.country_holidays(opinion.country, years=years)
    else:
        closed = holidays.financial_holidays(opinion.market, years=years)
    return {
        day
        for day in _weekdays(opinion.first, venue.last)
        if (day in sessions) == (day in closed or (day.month, day.day) in opinion.also_closed)
    }


def _weekdays(first: date, last: date) -> list[date]:
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < _SATURDAY]


def _apply_period(period: Period, sessions: dict[date, Hours], zone: ZoneInfo) -> None:
    """Change the full sessions of a period; those with other hours than most are half days and late opens."""
    local = {day: _local_hours(sessions[day], zone) for day in sessions if period.first <= day <= period.last}
    if not local:
        raise ConfigError(f"period {period.venue} {period.first}: no session of the calendar lies in it")
    ((usual, _),) = Counter(local.values()).most_common(1)
    for day, hours in local.items():
        if hours == usual:
            moments = {name: _local(day, moment, zone) for name, moment in period.changed.items()}
            changed = replace(sessions[day], **moments)
            sessions[day] = replace(changed, break_start=None, break_end=None) if period.no_break else changed


def _local_hours(hours: Hours, zone: ZoneInfo) -> tuple[time | None, ...]:
    moments = (hours.open, hours.close, hours.break_start, hours.break_end)
    return tuple(None if moment is None else moment.astimezone(zone).time() for moment in moments)


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
        opens, closes, break_start, break_end = _local_hours(sessions[model], zone)
        sessions[day] = Hours(
            open=_local(day, cast(time, opens), zone),
            close=_local(day, cast(time, closes), zone),
            break_start=None if break_start is None else _local(day, break_start, zone),
            break_end=None if break_end is None else _local(day, break_end, zone),
        )


def _local(day: date, moment: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, moment, zone).astimezone(UTC)


def _header(venue: VenueRange) -> str:
    mirror = f"exchange-calendars {version('exchange-calendars')}" if venue.mirror else "our list of closed days"
    made_of = f"{mirror}, holidays {version('holidays')}, overrides.toml"
    return f"# {venue.mic} {venue.timezone} known {venue.first} to {venue.last}; made by `spock calendar build` from {made_of}"


def _cell(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")
