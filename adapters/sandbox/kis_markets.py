"""Markets a KIS host makes up beside the ones it was given: none at all, and one that repeats itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.sandbox.market import Bar, Dividend, Level, Market, Name, Number, Step
from adapters.sandbox.regions import PROFILES
from pipeline.calendars import VenueCalendar, calendar


class Absent:
    """A region the sandbox does not serve: exchanges that are open and list nothing."""

    stands_still = False
    scale = 1

    def __init__(self, region: str) -> None:
        self.region = region
        self._profile = PROFILES[region]
        self.calendar = calendar(self._profile.calendar)
        self.timezone = ZoneInfo(self.calendar.timezone)

    def calendar_of(self, venue: str) -> VenueCalendar:
        """The calendar of one venue."""
        return calendar(self._profile.venues.get(venue, self._profile.calendar))

    def names(self, now: datetime) -> Sequence[Name]:
        """None."""
        return ()

    def find(self, code: str) -> Name | None:
        """None."""
        return None

    def bars(self, code: str, start: date, until: date, now: datetime, limit: int | None = None) -> list[Bar]:
        """None."""
        return []

    def steps(self, code: str, now: datetime) -> Sequence[Step]:
        """None."""
        return ()

    def dividends(self, code: str, now: datetime) -> Sequence[Dividend]:
        """None."""
        return ()

    def halted(self, code: str, day: date) -> bool:
        """Never."""
        return False

    def reference(self, code: str, now: datetime) -> tuple[Number, Number]:
        """Nothing."""
        return 0, 0

    def levels(self, code: str, start: date, until: date, now: datetime, limit: int) -> list[Level]:
        """None."""
        return []


class Repeating:
    """A market whose newest session shows the values of the one before it, under its own date: yesterday's data."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.region, self.scale, self.stands_still = market.region, market.scale, market.stands_still
        self.calendar, self.timezone = market.calendar, market.timezone

    def calendar_of(self, venue: str) -> VenueCalendar:
        """The calendar as it is."""
        return self._market.calendar_of(venue)

    def names(self, now: datetime) -> Sequence[Name]:
        """The names as they are."""
        return self._market.names(now)

    def find(self, code: str) -> Name | None:
        """The listing as it is."""
        return self._market.find(code)

    def bars(self, code: str, start: date, until: date, now: datetime, limit: int | None = None) -> list[Bar]:
        """The bars, where the newest of all of `code` is among them with the values of its second newest."""
        rows = self._market.bars(code, start, until, now, limit)
        newest = self._market.bars(code, date.min, date.max, now, 2)
        if rows and len(newest) == 2 and rows[0].date == newest[0].date:
            rows[0] = newest[1]._replace(date=newest[0].date)
        return rows

    def steps(self, code: str, now: datetime) -> Sequence[Step]:
        """The events as they are."""
        return self._market.steps(code, now)

    def dividends(self, code: str, now: datetime) -> Sequence[Dividend]:
        """The dividends as they are."""
        return self._market.dividends(code, now)

    def halted(self, code: str, day: date) -> bool:
        """As it is."""
        return self._market.halted(code, day)

    def reference(self, code: str, now: datetime) -> tuple[Number, Number]:
        """As it is: master files never repeat."""
        return self._market.reference(code, now)

    def levels(self, code: str, start: date, until: date, now: datetime, limit: int) -> list[Level]:
        """The levels, the newest one with the values of the one before it."""
        rows = self._market.levels(code, start, until, now, limit)
        newest = self._market.levels(code, date.min, date.max, now, 2)
        if rows and len(newest) == 2 and rows[0].date == newest[0].date:
            rows[0] = newest[1]._replace(date=newest[0].date)
        return rows
