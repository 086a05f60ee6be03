"""The commands about sessions: which there are, what comes next, what trades now, and how the calendars are made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from pipeline.commands.options import clock_of, format_option, now_option
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.calendars import Session, VenueCalendar
    from pipeline.settings import RegionConfig, VenueConfig

#: So many days `sessions` shows when no end is given.
_AHEAD = dt.timedelta(days=30)
#: The row of a session that a calendar does not know.
_UNKNOWN = {"session": "unknown", "open": None, "close": None, "break_start": None, "break_end": None}


@click.group()
def calendar() -> None:
    """Trading calendars: sessions, hours, and what trades now. A region stands for its main venue; times are UTC."""


@calendar.command("sessions")
@click.argument("place", metavar="VENUE|REGION")
@click.option("--from", "first", metavar="DAY", help="First day, YYYY-MM-DD. Default: today.")
@click.option("--to", "last", metavar="DAY", help="Last day, YYYY-MM-DD. Default: 30 days after the first.")
@now_option
@format_option
def sessions(place: str, first: str | None, last: str | None, now: str | None, form: str | None) -> None:
    """List the sessions of a venue with their hours in UTC; a day that the calendar does not know is an error."""
    from pipeline import output
    from pipeline.calendars import COLUMNS
    from pipeline.clock import parse_day

    known = _calendar_of(place)
    start = parse_day(first, "--from") if first is not None else known.local_date(clock_of(now).now)
    end = parse_day(last, "--to") if last is not None else min(start + _AHEAD, max(start, known.last))
    if end < start:
        raise UsageError(f"--to {end} lies before --from {start}; give the earlier day first")
    rows = [_hours(known.session(day)) for day in known.sessions(start, end)]
    shape = output.chosen(form)
    if shape == "csv" and not rows:
        click.echo(",".join(COLUMNS))
    else:
        output.show(rows, shape, title=f"{known.mic}, times in UTC")


@calendar.command("next")
@click.argument("places", nargs=-1, metavar="[VENUE|REGION]…")
@now_option
@format_option
def following(places: tuple[str, ...], now: str | None, form: str | None) -> None:
    """The next session that opens, of some venues or of every region's main one; unknown past a calendar's end."""
    from pipeline import output, settings

    moment = clock_of(now).now
    rows = []
    for place in places or settings.available_regions():
        known = _calendar_of(place)
        hours = _hours(known.next_opening(moment)) if known.knows_an_opening_after(moment) else _UNKNOWN
        rows.append({"place": place, "calendar": known.mic, **hours})
    output.show(rows, output.chosen(form), title=f"first opening after {_utc(moment)} UTC")


@calendar.command("status")
@click.argument("places", nargs=-1, metavar="[VENUE|REGION]…")
@now_option
@format_option
def status(places: tuple[str, ...], now: str | None, form: str | None) -> None:
    """What every venue does now: open, lunch, closed, or unknown past its calendar's end; and when its bars are final."""
    from pipeline import output

    moment = clock_of(now).now
    rows = [_status(config, venue, moment) for config, venue in _venues(places)]
    output.show(rows, output.chosen(form), title=f"{_utc(moment)} UTC")


@calendar.command("build")
def build() -> None:
    """Generate the packaged calendars anew from their sources and our overrides."""
    from pipeline.calendar_build import build

    for path in build():
        click.echo(path)


def _status(config: RegionConfig, venue: VenueConfig, moment: dt.datetime) -> dict[str, Any]:
    """One venue's row: its state, its newest session, when that is final and until when it can be collected."""
    from pipeline import calendars
    from pipeline.collect.sessions import history_provider

    known = calendars.calendar(venue.calendar)
    state = known.phase(moment)
    row: dict[str, Any] = {"region": config.region, "venue": venue.mic, "calendar": known.mic, "state": state}
    names = ("session", "open", "close", "final_at", "next_session", "next_open")
    told: Sequence[Any] = (None,) * len(names)
    if state != "unknown":
        today = known.local_date(moment)
        newest = known.session(today if known.is_session(today) else known.previous_session(today))
        final = calendars.final_at(venue, history_provider(config), newest.session)
        after = known.next_opening(moment) if known.knows_an_opening_after(moment) else None
        upcoming = (None, None) if after is None else (after.session.isoformat(), _utc(after.open))
        told = (newest.session.isoformat(), _utc(newest.open), _utc(newest.close), _utc(final), *upcoming)
    return {**row, **dict(zip(names, told, strict=True)), "known_until": known.last.isoformat()}


def _venues(places: Sequence[str]) -> list[tuple[RegionConfig, VenueConfig]]:
    """The venues of the given regions, the given venues themselves, or those of all regions."""
    from pipeline import settings

    configs = [settings.get_config(region) for region in settings.available_regions()]
    found = []
    for place in places or [config.region for config in configs]:
        named = [(config, venue) for config in configs for venue in config.venues if venue.mic == place.strip().upper()]
        region = None if named else settings.get_config(settings.resolve_region(place))
        found += named if region is None else [(region, venue) for venue in region.venues]
    return found


def _calendar_of(place: str) -> VenueCalendar:
    """The calendar of a MIC, or of the main venue of a region given by code or alias."""
    from pipeline import calendars

    mic = place.strip().upper()
    if mic in calendars.available():
        return calendars.calendar(mic)
    return calendars.calendar(_venues((place,))[0][1].calendar)


def _hours(session: Session) -> dict[str, str | None]:
    """A session as a row: its date and its hours in UTC, no break as None."""
    return {
        "session": session.session.isoformat(),
        "open": _utc(session.open),
        "close": _utc(session.close),
        "break_start": None if session.break_start is None else _utc(session.break_start),
        "break_end": None if session.break_end is None else _utc(session.break_end),
    }


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
