"""The sessions of a region: which are closed, when their bars are final, which one a night is for."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from pipeline import calendars
from pipeline.errors import CalendarUnknown, TooEarly, UsageError
from pipeline.quality import SESSIONS

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig, VenueConfig


def history_provider(config: RegionConfig) -> str:
    """The provider whose finality counts: the first of the region's chain for history."""
    chain = config.chain.get("history", ())
    if not chain:
        raise UsageError(f"region {config.region}: settings name no provider for history (chain.history)")
    return chain[0]


def target_session(config: RegionConfig, now: dt.datetime, asked: dt.date | None) -> dt.date:
    """The session a night at `now` is for: `asked`, or the newest final one of the main venue.

    `TooEarly` when the session asked for, or one that has closed since the newest final one, is not final yet;
    `UsageError` for a date that is no session, for a moment or date outside the calendar, and where there is no calendar.
    """
    venue = config.venues[0]
    provider = history_provider(config)
    if venue.calendar not in calendars.available():
        raise UsageError(
            f"region {config.region} is {config.status}, and this version has no calendar for {venue.calendar}: "
            f"it has {', '.join(calendars.available())}; leave the region off until a version brings one"
        )
    calendar = calendars.calendar(venue.calendar)
    try:
        newest = calendars.last_final_session(venue, provider, now)
    except CalendarUnknown as error:
        raise UsageError(
            f"{config.region}: now is {now:%Y-%m-%d %H:%M} UTC (--now, SPOCK_NOW, a sandbox's clock or this machine's), "
            f"and {error}"
        ) from error
    if asked is None:
        return newest
    if not calendar.first <= asked <= calendar.last:
        raise UsageError(
            f"--date {asked}: the calendar of {venue.mic} runs from {calendar.first} to {calendar.last}: "
            f"give a day inside it; the newest final session of {config.region} is {newest}"
        )
    if not calendar.is_session(asked):
        raise UsageError(
            f"--date {asked}: {venue.mic} is closed that day; "
            f"the session before is {calendar.previous_session(asked)}, the next {calendar.next_session(asked)}"
        )
    if asked > newest:
        raise _too_early(config, venue, provider, asked)
    return asked


def unfinished_session(config: RegionConfig, now: dt.datetime) -> TooEarly | None:
    """The session of the main venue that has closed but is not final at `now`, as the error that says when it will be."""
    venue = config.venues[0]
    provider = history_provider(config)
    calendar = calendars.calendar(venue.calendar)
    following = calendar.next_session(calendars.last_final_session(venue, provider, now))
    if calendar.session(following).close <= now:
        return _too_early(config, venue, provider, following)
    return None


def closed_sessions(config: RegionConfig, first: dt.date, last: dt.date, now: dt.datetime) -> pl.DataFrame:
    """SESSIONS of every venue of the region from `first` to `last` that have closed at `now`."""
    provider = history_provider(config)
    rows = []
    for venue in config.venues:
        calendar = calendars.calendar(venue.calendar)
        for session in calendar.sessions(max(first, calendar.first), min(last, calendar.last)):
            if calendar.session(session).close > now:
                break
            final_at = calendars.final_at(venue, provider, session)
            rows.append((venue.mic, session, final_at, "final" if final_at <= now else "provisional"))
    return pl.DataFrame(rows, schema=SESSIONS, orient="row")


def window(config: RegionConfig, sessions: int, last: dt.date) -> list[dt.date]:
    """The last `sessions` sessions of the main venue up to and including `last`."""
    return calendars.calendar(config.venues[0].calendar).window(sessions, last)


def _too_early(config: RegionConfig, venue: VenueConfig, provider: str, session: dt.date) -> TooEarly:
    final_at = calendars.final_at(venue, provider, session)
    local = final_at.astimezone(ZoneInfo(config.timezone))
    return TooEarly(
        f"{config.region}: session {session} is final at {local:%Y-%m-%d %H:%M %Z} ({final_at:%Y-%m-%d %H:%M} UTC): "
        "run again then, or use --wait",
        final_at,
    )
