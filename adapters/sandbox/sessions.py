"""Where a venue's own clock stands: which sessions have opened and closed there, on both wires."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from pipeline.calendars import VenueCalendar
from pipeline.errors import CalendarUnknown


def today(venue: VenueCalendar, now: datetime) -> date:
    """The date at the venue at `now` (aware)."""
    return now.astimezone(ZoneInfo(venue.timezone)).date()


def newest(venue: VenueCalendar, now: datetime) -> date:
    """The newest session that has opened at `now` (aware); past the calendar's data the last one it knows."""
    day = min(today(venue, now), venue.last)
    if venue.is_session(day) and venue.session(day).open <= now:
        return day
    return venue.previous_session(day)


def last_close(venue: VenueCalendar, now: datetime) -> datetime:
    """The close of the last session that is over (aware UTC)."""
    session = newest(venue, now)
    if venue.session(session).close > now:
        session = venue.previous_session(session)
    return venue.session(session).close


def close_before(venue: VenueCalendar, now: datetime) -> datetime:
    """The close of the session before the newest one that has opened (aware UTC)."""
    return venue.session(venue.previous_session(newest(venue, now))).close


def opens_on(venue: VenueCalendar, day: date) -> bool:
    """Whether the venue trades on `day`; not on one its calendar does not know."""
    try:
        return venue.is_session(day)
    except CalendarUnknown:
        return False
