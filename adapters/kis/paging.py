"""Walks a KIS chart back in time until the range is complete.

The charts answer with the newest rows first, cut to 100 (KRX index: 50) without a word and without a continuation key.
The next page is asked for with an end one day before the oldest row. That a page is short proves nothing by itself: the
calendar has to agree that nothing older is due, or a second answer has to say that there is nothing.

The overseas daily bars know an end and no start: their last page goes on before the range. Those rows are nobody's
fault and nobody's wish: they are left out, and what is left of the page is read as if the wire had kept to the range.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from adapters.kis.rows import Refusals, RowError
from adapters.kis.share_events import Mark
from pipeline.calendars import VenueCalendar
from pipeline.errors import Unavailable

#: Values of one row besides its date: open, high, low, close, volume, amount.
Values = tuple[float, float, float, float, int, float | None]


@dataclass(frozen=True)
class Page:
    """One answer: its rows as they came, and the code that it says they belong to ("" where it does not say)."""

    rows: Sequence[Any]
    code: str


@dataclass(frozen=True)
class Layout:
    """How to read one kind of chart: rows a page, the date and the values of a row (both may raise RowError).

    `has_start`: the wire is told where the range starts, so that a row before it is a fault. `names_code`: every answer with
    rows says whose they are, so that one which does not is another's. `mark` reads what a row says of share-count events,
    where the chart says anything; it never refuses a row.
    """

    rows_per_page: int
    date: Callable[[Any], dt.date]
    values: Callable[[Any], Values]
    has_start: bool = True
    names_code: bool = False
    mark: Callable[[Any], Mark] | None = None


@dataclass(frozen=True)
class Walk:
    """What a walk found: values by date, ascending; refused rows; whether nothing older exists in the range; answers read.

    `older`: an answer held a row from before the range. `unknown`: no answer held a row or named the code it is about, as the
    wire answers for a code it does not have. `marks`: what the rows say of share-count events, by the dates of `values`.
    """

    values: dict[dt.date, Values]
    refusals: Refusals
    exhausted: bool
    pages: int
    older: bool = False
    unknown: bool = False
    marks: Mapping[dt.date, Mark] = field(default_factory=dict)

    def before(self, date: dt.date) -> dt.date | None:
        """The date of the row before that of `date`."""
        return self._before.get(date)

    @cached_property
    def _before(self) -> dict[dt.date, dt.date]:
        days = list(self.values)
        return dict(zip(days[1:], days, strict=False))


def walk(
    ask: Callable[[dt.date, dt.date], Page],
    layout: Layout,
    *,
    code: str,
    start: dt.date,
    end: dt.date,
    calendar: VenueCalendar,
    refusals: Refusals,
) -> Walk:
    """All rows of `code` from `start` to `end`, both included, by asking `ask(start, until)` as often as needed.

    Ends when the calendar has no session between `start` and the oldest row, or when two answers in a row say that
    there is no more: then `exhausted`. Also ends, not exhausted, when an answer brings nothing older or no usable row,
    and after twice as many pages as the calendar's sessions need. An Unavailable between pages carries the Walk so far as
    `partial`.
    """
    gathered = _Gathered(layout, code, start, end, refusals)
    until, pages, exhausted, ended_once = end, 0, False, False
    longest = 2 * -(-_sessions(calendar, start, end) // layout.rows_per_page) + 4
    while pages < longest:
        try:
            page = ask(start, until)
        except Unavailable as error:
            if gathered.values:
                error.partial = gathered.walk(exhausted=False, pages=pages)
            raise
        pages += 1
        gathered.named |= bool(page.code) or any(row != {} for row in page.rows)
        # Unknown codes and ranges before the listing come as empty objects: filler, not rows.
        rows = [row for row in page.rows if row != {} and not gathered.precedes(row, page.code)]
        if not rows:
            if ended_once or not _sessions(calendar, start, until):
                exhausted = True
                break
            ended_once = True
            continue
        oldest = gathered.take(rows, page.code)
        if oldest is None or oldest > until:
            break
        ended_once = len(rows) < layout.rows_per_page
        until = oldest - dt.timedelta(days=1)
        if not _sessions(calendar, start, until):
            exhausted = True
            break
    return gathered.walk(exhausted=exhausted, pages=pages)


class _Gathered:
    """The rows of a series so far, over its pages."""

    def __init__(self, layout: Layout, code: str, start: dt.date, end: dt.date, refusals: Refusals) -> None:
        self.values: dict[dt.date, Values] = {}
        self.marks: dict[dt.date, Mark] = {}
        self.older = False
        self.named = False
        self._layout = layout
        self._code = code
        self._start = start
        self._end = end
        self._refusals = refusals

    def walk(self, *, exhausted: bool, pages: int) -> Walk:
        """What there is so far."""
        values = dict(sorted(self.values.items()))
        return Walk(values, self._refusals, exhausted, pages, self.older, not self.named, self.marks)

    def precedes(self, row: Any, said: str) -> bool:
        """Whether `row` is one of the asked code's from before the range, on a wire that can't be told its start."""
        if self._layout.has_start or not self._ours(said) or not isinstance(row, dict):
            return False
        try:
            before = self._layout.date(row) < self._start
        except RowError:
            return False
        self.older |= before
        return before

    def take(self, rows: Sequence[Any], said: str) -> dt.date | None:
        """Read an answer about the code `said`; its oldest date inside the range, None if there is none."""
        oldest: dt.date | None = None
        for row in rows:
            date: dt.date | None = None
            try:
                if not isinstance(row, dict):
                    raise RowError("unparsable", f"a JSON {type(row).__name__} where a row belongs")
                date = self._layout.date(row)
                if not self._ours(said):
                    raise RowError("wrong_ticker", f"the answer is about {said!r}, asked was {self._code!r}")
                if not self._start <= date <= self._end:
                    raise RowError("outside_range", f"{date} is not in {self._start}…{self._end}, which was asked for")
                oldest = date if oldest is None else min(oldest, date)
                read = self._layout.values(row)
                # The same row on both sides of a page edge is one row.
                if self.values.setdefault(date, read) != read:
                    raise RowError("duplicate_row", f"{date} came a second time with other values; the first are kept")
                if self._layout.mark is not None and date not in self.marks:
                    self.marks[date] = self._layout.mark(row)
            except RowError as error:
                self._refusals.add(error.rule, str(error), row, date)
        return oldest

    def _ours(self, said: str) -> bool:
        """Whether an answer about the code `said` is about the one that was asked for."""
        return said == self._code or not (said or self._layout.names_code)


def _sessions(calendar: VenueCalendar, start: dt.date, end: dt.date) -> int:
    """Sessions from `start` to `end`; outside of what the calendar knows every weekday may be one."""
    if end < start:
        return 0
    known_start, known_end = max(start, calendar.first), min(end, calendar.last)
    if known_start > known_end:
        return _weekdays(start, end)
    return (
        len(calendar.sessions(known_start, known_end))
        + _weekdays(start, known_start - dt.timedelta(days=1))
        + _weekdays(known_end + dt.timedelta(days=1), end)
    )


def _weekdays(start: dt.date, end: dt.date) -> int:
    """Mondays to Fridays from `start` to `end`."""
    days = (end - start).days + 1
    if days <= 0:
        return 0
    weeks, rest = divmod(days, 7)
    return 5 * weeks + sum((start.weekday() + offset) % 7 < 5 for offset in range(rest))
