"""The commands about sessions: which there are, what comes next, what trades now, and how the calendars are made."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import rich_click as click

from pipeline.commands.options import clock_of, format_option, now_option
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.calendars import Session
    from pipeline.venues import Status

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
    from pipeline import output, venues
    from pipeline.calendars import COLUMNS
    from pipeline.clock import parse_day

    known = venues.calendar_of(place)
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
    from pipeline import output, settings, venues

    moment = clock_of(now).now
    rows = []
    for place in places or settings.available_regions():
        known = venues.calendar_of(place)
        hours = _hours(known.next_opening(moment)) if known.knows_an_opening_after(moment) else _UNKNOWN
        rows.append({"place": place, "calendar": known.mic, **hours})
    output.show(rows, output.chosen(form), title=f"first opening after {_utc(moment)} UTC")


@calendar.command("status")
@click.argument("places", nargs=-1, metavar="[VENUE|REGION]…")
@now_option
@format_option
def status(places: tuple[str, ...], now: str | None, form: str | None) -> None:
    """What every venue does now: open, lunch, closed, or unknown past its calendar's end; when its bars can be collected."""
    from pipeline import output, venues

    moment = clock_of(now).now
    rows = [_row(venues.status(config, venue, moment)) for config, venue in venues.named(places)]
    output.show(rows, output.chosen(form), title=f"{_utc(moment)} UTC")


@calendar.command("build")
def build() -> None:
    """Generate the packaged calendars anew from their sources and our overrides."""
    from pipeline.calendar_build import build

    for path in build():
        click.echo(path)


def _row(told: Status) -> dict[str, Any]:
    """A venue's status as a row, times in UTC, what is unknown as None."""
    newest, upcoming = told.newest, told.upcoming
    return {
        "region": told.region,
        "venue": told.venue,
        "calendar": told.calendar,
        "phase": told.phase,
        "session": None if newest is None else newest.session.isoformat(),
        "open": None if newest is None else _utc(newest.open),
        "close": None if newest is None else _utc(newest.close),
        "final_at": None if told.final_at is None else _utc(told.final_at),
        "collect_until": None if told.collect_until is None else _utc(told.collect_until),
        "next_session": None if upcoming is None else upcoming.session.isoformat(),
        "next_open": None if upcoming is None else _utc(upcoming.open),
        "known_until": told.known_until.isoformat(),
    }


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
