"""The sessions of a region: which are closed, when their bars are final, which one a night is for.

A region's venues may keep different holidays (EU): the region has a session on every day on which one of its venues trades,
and that session is final when it is final at every venue that traded.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from pipeline import calendars
from pipeline.collect.providers import history_provider
from pipeline.errors import CalendarUnknown, TooEarly, UsageError
from pipeline.quality import SESSIONS

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig, VenueConfig


class RegionSessions:
    """The session dates of a region, from `first` to `last`: what the calendars of all its `venues` know.

    `UsageError` where a venue has no calendar; every method that would have to look outside raises `CalendarUnknown`.
    """

    def __init__(self, config: RegionConfig) -> None:
        names = tuple(dict.fromkeys(venue.calendar for venue in config.venues))
        missing = [name for name in names if name not in calendars.available()]
        if missing:
            raise UsageError(
                f"region {config.region} is {config.status}, and this version has no calendar for {', '.join(missing)}: "
                f"it has {', '.join(calendars.available())}; leave the region off until a version brings one"
            )
        self._config = config
        self._calendars = {venue.mic: calendars.calendar(venue.calendar) for venue in config.venues}
        self.first = max(one.first for one in self._calendars.values())
        self.last = min(one.last for one in self._calendars.values())
        self._days = _union(names, self.first, self.last)
        self.venues = ", ".join(names)

    def between(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """The sessions from `first` to `last`, both included."""
        if first > last:
            return []
        self._require_known(first)
        self._require_known(last)
        return list(self._days[bisect_left(self._days, first) : bisect_right(self._days, last)])

    def has(self, day: dt.date) -> bool:
        """Whether a venue of the region trades on `day`."""
        return bool(self.between(day, day))

    def before(self, day: dt.date) -> dt.date:
        """The last session strictly before `day`."""
        self._require_known(day)
        place = bisect_left(self._days, day)
        if not place:
            raise CalendarUnknown(self._unknown(f"the session before {day}"))
        return self._days[place - 1]

    def after(self, day: dt.date) -> dt.date:
        """The first session strictly after `day`."""
        self._require_known(day)
        place = bisect_right(self._days, day)
        if place == len(self._days):
            raise CalendarUnknown(self._unknown(f"the session after {day}"))
        return self._days[place]

    def window(self, count: int, last: dt.date) -> list[dt.date]:
        """The last `count` sessions up to and including `last`."""
        self._require_known(last)
        place = bisect_right(self._days, last)
        if place < count:
            raise CalendarUnknown(self._unknown(f"{count} sessions up to {last} (it knows {place})"))
        return list(self._days[place - count : place])

    def newest_final(self, provider: str, now: dt.datetime) -> dt.date:
        """The newest session that is final at `now` wherever it was one, as `provider` delivers it."""
        today = max(now.astimezone(ZoneInfo(one.timezone)).date() for one in self._calendars.values())
        day = today if self.has(today) else self.before(today)
        while self.final_at(provider, day) > now:
            day = self.before(day)
        return day

    def final_at(self, provider: str, session: dt.date) -> dt.datetime:
        """When the bars of `session` are final at every venue that trades on it (UTC)."""
        return max(calendars.final_at(venue, provider, session) for venue in self._trading(session))

    def closes_at(self, session: dt.date) -> dt.datetime:
        """When the last of the venues that trade on `session` closes (UTC)."""
        return max(self._calendars[venue.mic].session(session).close for venue in self._trading(session))

    def _trading(self, session: dt.date) -> list[VenueConfig]:
        return [venue for venue in self._config.venues if self._calendars[venue.mic].is_session(session)]

    def _require_known(self, day: dt.date) -> None:
        if not self.first <= day <= self.last:
            raise CalendarUnknown(self._unknown(str(day)))

    def _unknown(self, wanted: str) -> str:
        return (
            f"the calendar of {self.venues} does not know {wanted}: it runs from {self.first} to {self.last}; "
            "ask inside that range, or extend calendars/overrides.toml and run `spock calendar build`"
        )


@cache
def _union(names: tuple[str, ...], first: dt.date, last: dt.date) -> tuple[dt.date, ...]:
    """The days on which one of several calendars has a session."""
    return tuple(sorted({day for name in names for day in calendars.calendar(name).sessions(first, last)}))


def target_session(config: RegionConfig, now: dt.datetime, asked: dt.date | None) -> dt.date:
    """The session a night at `now` is for: `asked`, or the newest that is final.

    `TooEarly` when the session asked for is not final yet; `UsageError` for a date that is no session, for a moment or date
    outside the calendars, and where there is no calendar.
    """
    days = RegionSessions(config)
    provider = history_provider(config)
    try:
        newest = days.newest_final(provider, now)
    except CalendarUnknown as error:
        raise UsageError(
            f"{config.region}: now is {now:%Y-%m-%d %H:%M} UTC (--now, SPOCK_NOW, a sandbox's clock or this machine's), "
            f"and {error}"
        ) from error
    if asked is None:
        return newest
    if not days.first <= asked <= days.last:
        raise UsageError(
            f"--date {asked}: the calendar of {days.venues} runs from {days.first} to {days.last}: "
            f"give a day inside it; the newest final session of {config.region} is {newest}"
        )
    if not days.has(asked):
        raise UsageError(
            f"--date {asked}: no venue of {config.region} trades, the region is closed that day; "
            f"the session before is {days.before(asked)}, the next {days.after(asked)}"
        )
    if asked > newest:
        raise _too_early(config, days.final_at(provider, asked), asked)
    return asked


def unfinished_session(config: RegionConfig, now: dt.datetime) -> TooEarly | None:
    """The session that has closed but is not final at `now`, as the error that says when it will be.

    None also after the last session that the calendars know: nothing later has closed, as far as anybody can say.
    """
    days = RegionSessions(config)
    provider = history_provider(config)
    newest = days.newest_final(provider, now)
    try:
        following = days.after(newest)
    except CalendarUnknown:
        return None
    if days.closes_at(following) <= now:
        return _too_early(config, days.final_at(provider, following), following)
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


def _too_early(config: RegionConfig, final_at: dt.datetime, session: dt.date) -> TooEarly:
    local = final_at.astimezone(ZoneInfo(config.timezone))
    return TooEarly(
        f"{config.region}: session {session} is final at {local:%Y-%m-%d %H:%M %Z} ({final_at:%Y-%m-%d %H:%M} UTC)", final_at
    )
