"""A region's market drawn from a seed: the same bars in every process, for any clock and any number of names.

Prices stand on the tick grid of their venue and date, open, high, low and close are consistent and, where the venue has
daily limits, inside them, volumes are whole shares, amounts (whole units of the quoted currency) lie between low and high
times volume. Bars are raw: a split, bonus or rights issue moves the base price on its ex-date, as a cash dividend does in
CN and VN. Halts and untraded sessions have open = high = low = 0, volume 0 and the last close. Each name follows the
sessions of its own venue.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from adapters.sandbox import ticks
from adapters.sandbox.fates import FIRST, Fate, Issue
from adapters.sandbox.market import Bar, Dividend, Level, Name, Number, Step, partial_bar, partial_level
from adapters.sandbox.paths import anchors, bridge, shock
from adapters.sandbox.regions import PROFILES
from adapters.sandbox.roster import Roster
from pipeline.calendars import VenueCalendar, calendar

#: What a dividend takes off the price, about; and the digits an amount is announced with.
_YIELD, _DIGITS = 0.004, 3
#: Quarters of bars kept in memory (about 20 kB each): enough for what is being paged, little for 10,000 names.
_KEPT = 4096


@dataclass(frozen=True)
class _Course:
    """A name's fate laid out on the session positions of its venue."""

    fate: Fate
    sessions: Sessions
    first: int
    stop: int
    quarter: int
    anchors: list[float]
    issues: dict[int, Issue]
    halted: frozenset[int]


class Sessions:
    """The market's sessions by position, and how much of them a clock has seen."""

    def __init__(self, venue: VenueCalendar) -> None:
        self._calendar = venue
        self._zone = ZoneInfo(venue.timezone)
        self.days = venue.sessions(max(FIRST, venue.first), venue.last)
        self.quarters: list[tuple[int, int]] = []
        start = 0
        for position, day in enumerate(self.days):
            following = self.days[position + 1] if position + 1 < len(self.days) else None
            if following is None or (following.year, (following.month - 1) // 3) != (day.year, (day.month - 1) // 3):
                self.quarters.append((start, position + 1))
                start = position + 1
        self._quarter_starts = [first for first, _ in self.quarters]

    def quarter(self, position: int) -> int:
        """The quarter a session lies in."""
        return bisect_right(self._quarter_starts, position) - 1

    def at_or_after(self, day: date) -> int:
        """Position of the first session not before `day`."""
        return bisect_left(self.days, day)

    def visible(self, now: datetime) -> tuple[int, float]:
        """How many sessions have opened at `now`, and how much of the last one has passed (1.0 once it is closed)."""
        today = now.astimezone(self._zone).date()
        count = bisect_right(self.days, today)
        if not count or self.days[count - 1] != today:
            return count, 1.0
        hours = self._calendar.session(today)
        if now < hours.open:
            return count - 1, 1.0
        elapsed = (now - hours.open) / (hours.close - hours.open)
        return count, min(elapsed, 1.0)


class GeneratedMarket:
    """See the module; `tickers` followed names of `region` (a key of `regions.PROFILES`), `seed` picks the world."""

    stands_still = False

    def __init__(self, *, region: str, seed: int = 1, tickers: int = 12) -> None:
        self._profile = PROFILES[region]
        self.region = region
        self.calendar = calendar(self._profile.calendar)
        self.timezone = ZoneInfo(self.calendar.timezone)
        self.scale = self._profile.scale
        self._seed = seed
        self._sessions = Sessions(self.calendar)
        self._of_calendar = {self.calendar.mic: self._sessions}
        self.roster = Roster(self._profile.book, seed, tickers)
        self._courses: dict[str, _Course] = {}
        self._quarters: OrderedDict[tuple[str, int], list[Bar]] = OrderedDict()
        self._lock = threading.Lock()

    def calendar_of(self, venue: str) -> VenueCalendar:
        """The calendar of one venue."""
        return calendar(self._profile.venues.get(venue, self._profile.calendar))

    def names(self, now: datetime) -> Sequence[Name]:
        """Names listed at `now`, in the roster's order."""
        today = now.astimezone(self.timezone).date()
        found = (self._course(code).fate.name for code in self.roster.codes)
        return [name for name in found if name.listed <= today and (name.ended is None or today < name.ended)]

    def find(self, code: str) -> Name | None:
        """The listing of `code`, past and future ones included."""
        fate = self.roster.fate(code) if code not in self._courses else self._courses[code].fate
        return fate.name if fate else None

    def bars(self, code: str, start: date, until: date, now: datetime, limit: int | None = None) -> list[Bar]:
        """Visible bars, newest first."""
        if self.find(code) is None:
            return []
        course = self._course(code)
        sessions = course.sessions
        seen, elapsed = sessions.visible(now)
        stop = min(seen, course.stop, bisect_right(sessions.days, until))
        first = max(course.first, sessions.at_or_after(start))
        if limit is not None:
            first = max(first, stop - limit)
        rows: list[Bar] = []
        position = stop - 1
        while position >= first:
            quarter = sessions.quarter(position)
            begin = max(sessions.quarters[quarter][0], course.first)
            block = self._quarter(code, quarter)
            rows += block[max(first - begin, 0) : position - begin + 1][::-1]
            position = begin - 1
        if rows and elapsed < 1.0 and stop == seen:
            rows[0] = partial_bar(rows[0], elapsed, self.scale)
        return rows

    def steps(self, code: str, now: datetime) -> Sequence[Step]:
        """Share-count events whose ex-date has opened."""
        if self.find(code) is None:
            return []
        course = self._course(code)
        sessions = course.sessions
        seen, _ = sessions.visible(now)
        issues = sorted(course.issues.items())
        return [
            Step(sessions.days[at], issue.factor, issue.kind, issue.ratio, issue.reason) for at, issue in issues if at < seen
        ]

    def dividends(self, code: str, now: datetime) -> Sequence[Dividend]:
        """Cash dividends whose ex-date has opened; costs no bars."""
        if self.find(code) is None:
            return []
        course = self._course(code)
        sessions, paying = course.sessions, course.fate.dividends
        seen, _ = sessions.visible(now)
        if not paying:
            return []
        paid = []
        for first, stop in sessions.quarters[course.quarter :]:
            at = _ex_position(sessions, paying, first, stop)
            if at is not None and course.first <= at < min(course.stop, seen):
                paid.append(Dividend(sessions.days[at], self._cash(course, at)))
        return paid

    def halted(self, code: str, day: date) -> bool:
        """Whether the last session up to `day` was one of a halt."""
        if self.find(code) is None:
            return False
        course = self._course(code)
        return bisect_right(course.sessions.days, day) - 1 in course.halted

    def reference(self, code: str, now: datetime) -> tuple[Number, Number]:
        """The last close and volume; for names outside the universe the quarter's level, which costs no bars."""
        course = self._course(code)
        if self.roster.follows(code):
            bars = self.bars(code, date.min, date.max, now, limit=1)
            return (bars[0].close, bars[0].volume) if bars else (int(course.fate.price), 0)
        sessions = course.sessions
        seen, _ = sessions.visible(now)
        quarter = max(sessions.quarter(max(seen - 1, 0)) - course.quarter, 0)
        grid = ticks.grid(_tick_venue(course.fate.name), sessions.days[max(seen - 1, 0)])
        return grid.nearest(math.exp(course.anchors[quarter])), int(course.fate.turnover)

    def levels(self, code: str, start: date, until: date, now: datetime, limit: int) -> list[Level]:
        """The region's indices on the sessions of its main venue; no row for any other index."""
        if code not in self._profile.indices:
            return []
        seen, elapsed = self._sessions.visible(now)
        stop = min(seen, bisect_right(self._sessions.days, until))
        first = max(self._sessions.at_or_after(start), stop - limit)
        live = elapsed < 1.0 and stop == seen
        rows: list[Level] = []
        while stop > first:
            quarter = self._sessions.quarter(stop - 1)
            begin = self._sessions.quarters[quarter][0]
            rows += self._index_quarter(code, quarter)[max(first - begin, 0) : stop - begin][::-1]
            stop = begin
        if rows and live:
            rows[0] = partial_level(rows[0], elapsed)
        return rows

    def _course(self, code: str) -> _Course:
        """The fate of a known code on session positions, laid out once."""
        course = self._courses.get(code)
        if course is None:
            fate = self.roster.fate(code)
            assert fate is not None
            course = self._courses[code] = self._lay_out(fate)
        return course

    def _lay_out(self, fate: Fate) -> _Course:
        venue = self.calendar_of(fate.name.venue)
        sessions = self._of_calendar.get(venue.mic) or self._of_calendar.setdefault(venue.mic, Sessions(venue))
        first = sessions.at_or_after(fate.name.listed)
        stop = sessions.at_or_after(fate.name.ended) if fate.name.ended else len(sessions.days)
        quarter = sessions.quarter(min(first, len(sessions.days) - 1))
        rng = Random(f"{self._seed}:{fate.name.code}:anchors")
        levels = anchors(rng, math.log(fate.price), len(sessions.quarters) - quarter + 1, fate.sigma * 5)
        issues = {sessions.at_or_after(issue.ex_date): issue for issue in fate.issues}
        issues = {at: issue for at, issue in issues.items() if first < at < stop}
        halted: set[int] = set()
        for halt in fate.halts:
            at = sessions.at_or_after(halt.start)
            halted.update(range(max(at, first + 1), min(at + halt.sessions, stop)))
        return _Course(fate, sessions, first, stop, quarter, levels, issues, frozenset(halted - issues.keys()))

    def _quarter(self, code: str, quarter: int) -> list[Bar]:
        """All bars of one name in one quarter, its listing permitting; from the cache where they still are."""
        key = (code, quarter)
        with self._lock:
            block = self._quarters.get(key)
            if block is not None:
                self._quarters.move_to_end(key)
                return block
        block = self._draw(self._course(code), quarter)
        with self._lock:
            self._quarters[key] = block
            while len(self._quarters) > _KEPT:
                self._quarters.popitem(last=False)
        return block

    def _draw(self, course: _Course, quarter: int) -> list[Bar]:
        """The bars of one quarter: which sessions trade, the path of closes, then each bar around its close."""
        fate, sessions = course.fate, course.sessions
        venue, sigma, quarters = _tick_venue(fate.name), fate.sigma, 4 * self.scale
        limit = self._profile.limits.get(venue, 0.0)
        whole = sessions.quarters[quarter]
        first, stop = max(whole[0], course.first), min(whole[1], course.stop)
        rng = Random(f"{self._seed}:{fate.name.code}:{quarter}")
        uniform = rng.random
        exes = self._dividend_dates(course, first, stop)
        moves: list[float | None] = []
        for at in range(first, stop):
            idle = at in course.halted or (uniform() < fate.thin and at not in course.issues and at != course.first)
            moves.append(None if idle else -0.004 if at in exes else 0.0)
        # A name listed or ended inside the quarter walks only its part of the way to the next anchor.
        start, end = course.anchors[quarter - course.quarter], course.anchors[quarter - course.quarter + 1]
        share = (stop - first) / (whole[1] - whole[0])
        if first > whole[0]:
            start = end - (end - start) * share
        elif stop < whole[1]:
            end = start + (end - start) * share
        levels = bridge(rng, moves, start, end, sigma)
        divisor = math.prod(issue.divisor for at, issue in course.issues.items() if at < first)
        ratio = math.prod(issue.volume for at, issue in course.issues.items() if at < first)
        before = sessions.days[max(first - 1, 0)]
        last_close = ticks.grid(venue, before).nearest(math.exp(start) / divisor)
        bars = []
        for at, move, level in zip(range(first, stop), moves, levels, strict=True):
            day = sessions.days[at]
            if move is None:
                bars.append(Bar(day, 0, 0, 0, last_close, 0, 0, last_close, 1.0, exes.get(at, "00")))
                continue
            grid = ticks.grid(venue, day)
            issue = course.issues.get(at)
            base, factor, ex = last_close, 1.0, exes.get(at, "00")
            if issue is not None:
                divisor, ratio = divisor * issue.divisor, ratio * issue.volume
                factor, ex = 1 / issue.divisor, issue.ex
                base = grid.nearest(last_close / issue.divisor)
            if at in exes and self._profile.cash_in_base:
                base = grid.nearest(base - float(self._cash(course, at)) * self.scale)
            close = grid.nearest(math.exp(level) / divisor)
            opening = grid.nearest(base * (1.0 + (uniform() + uniform() - 1.0) * sigma))
            high = grid.nearest(max(opening, close) * (1.0 + uniform() * sigma))
            low = grid.nearest(min(opening, close) * (1.0 - uniform() * sigma))
            if limit and (high > base * (1 + limit / 3) or low < base * (1 - limit / 3)):
                floor, ceiling = grid.limits(base, limit)
                opening, high, low, close = (min(max(p, floor), ceiling) for p in (opening, high, low, close))
            liveliness = math.exp(shock(rng) * 0.45) * (1.0 + 6.0 * abs(close / base - 1.0))
            volume = int(fate.turnover * ratio * liveliness) + 1
            amount = volume * (low + high + 2 * close) // quarters
            bars.append(Bar(day, opening, high, low, close, volume, amount, base, factor, ex))
            last_close = close
        return bars

    def _dividend_dates(self, course: _Course, first: int, stop: int) -> dict[int, str]:
        """The ex-dividend position of the quarter of `first` with its `Bar.ex`, where it lies from `first` to `stop`."""
        sessions = course.sessions
        at = _ex_position(sessions, course.fate.dividends, *sessions.quarters[sessions.quarter(first)])
        if at is None or not first <= at < stop:
            return {}
        return {at: self._profile.dividends[0 if sessions.days[at].month == 12 else 1]}

    def _cash(self, course: _Course, at: int) -> Decimal:
        """A share's dividend of an ex-date: the yield on the price the quarter began with, in few digits.

        In whole currency where prices are whole, as in KR and VN.
        """
        level = course.anchors[course.sessions.quarter(at) - course.quarter]
        divisor = math.prod(issue.divisor for ex, issue in course.issues.items() if ex <= at)
        cash = math.exp(level) / divisor * _YIELD / self.scale
        digits = _DIGITS - 1 - math.floor(math.log10(cash))
        return Decimal(str(round(cash, digits))) if self.scale > 1 else Decimal(max(round(cash), 1))

    def _index_quarter(self, code: str, quarter: int) -> list[Level]:
        index = self._profile.indices[code]
        sigma = index.sigma
        key = f"{self._seed}:index:{code}"
        levels = anchors(Random(key), math.log(index.start), len(self._sessions.quarters) + 1, sigma * 6)
        first, stop = self._sessions.quarters[quarter]
        rng = Random(f"{key}:{quarter}")
        path = bridge(rng, [0.0] * (stop - first), levels[quarter], levels[quarter + 1], sigma)
        rows = []
        last = round(math.exp(levels[quarter]) * 100)
        for at, level in zip(range(first, stop), path, strict=True):
            close = round(math.exp(level) * 100)
            opening = round(last * (1.0 + (rng.random() - 0.5) * sigma))
            high = round(max(opening, close) * (1.0 + rng.random() * sigma * 0.5))
            low = round(min(opening, close) * (1.0 - rng.random() * sigma * 0.5))
            shares = int(index.volume * math.exp(shock(rng) * 0.2))
            rows.append(Level(self._sessions.days[at], opening, high, low, close, shares, shares * index.price))
            last = close
        return rows


def _ex_position(sessions: Sessions, paying: str, first: int, stop: int) -> int | None:
    """Where a quarter's dividend goes off: one session before its last; none in a quarter that pays nothing.

    `paying` is a fate's: "", "year" (December) or "quarter"; `first` and `stop` are the quarter's positions.
    """
    at = stop - 2
    if not paying or at < first or (paying == "year" and sessions.days[at].month != 12):
        return None
    return at


def _tick_venue(name: Name) -> str:
    """The venue whose price steps a name moves in: KONEX is drawn on KOSDAQ's."""
    return "XKOS" if name.venue == "XKON" else name.venue
