"""The hours of a venue's sessions as Yahoo counts them: seconds since 1970, for days its calendar does not know, too.

A replayed folder may hold rows on days the calendar calls closed, or of years it does not know: they have the venue's
usual hours.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapters.sandbox import sessions
from pipeline.calendars import VenueCalendar
from pipeline.errors import CalendarUnknown

#: So many of the calendar's last sessions tell which hours are usual.
_TELLING = 60


class Hours(NamedTuple):
    """Open and close of one session in seconds since 1970."""

    open: int
    close: int


class Timetable:
    """The hours of one venue, remembered day by day."""

    def __init__(self, calendar: VenueCalendar) -> None:
        self.zone = ZoneInfo(calendar.timezone)
        self._calendar = calendar
        self._usual = self._most_frequent()
        self._days: dict[date, Hours] = {}

    def hours(self, day: date) -> Hours:
        """The hours of `day`, the usual ones where the calendar has no session."""
        found = self._days.get(day)
        if found is None:
            try:
                known = self._calendar.is_session(day)
            except CalendarUnknown:
                known = False
            if known:
                session = self._calendar.session(day)
                found = Hours(int(session.open.timestamp()), int(session.close.timestamp()))
            else:
                found = Hours(*(int(datetime.combine(day, at, self.zone).timestamp()) for at in self._usual))
            self._days[day] = found
        return found

    def day(self, seconds: int) -> date:
        """The local date of a moment."""
        return datetime.fromtimestamp(seconds, self.zone).date()

    def newest(self, now: datetime) -> date:
        """The newest session that has opened at `now`; past the calendar's data the last one it knows."""
        return sessions.newest(self._calendar, now)

    def first_from(self, day: date) -> date:
        """The first session not before `day`."""
        try:
            return day if self._calendar.is_session(day) else self._calendar.next_session(day)
        except CalendarUnknown:
            return day

    def _most_frequent(self) -> tuple[time, time]:
        counted: Counter[tuple[time, time]] = Counter()
        for day in self._calendar.window(_TELLING, self._calendar.last):
            session = self._calendar.session(day)
            opens, closes = (at.astimezone(self.zone).time() for at in (session.open, session.close))
            counted[opens, closes] += 1
        return counted.most_common(1)[0][0]


@cache
def timetable(calendar: VenueCalendar) -> Timetable:
    """The timetable of a calendar."""
    return Timetable(calendar)
