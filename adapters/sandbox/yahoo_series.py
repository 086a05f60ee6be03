"""Daily rows as Yahoo keeps them: split-adjusted through today, prices in single precision, dividends beside them.

- Every split, bonus issue, consolidation and capital cut whose ex-date has opened scales the rows before it, prices by
  1 ÷ ratio and volume by the ratio. Rights issues neither scale anything nor show as events: an assumption.
- A dividend is told per share of today (amount ÷ later ratios), in the quoted currency. The adjusted close of every row
  before its ex-date is multiplied with 1 − amount ÷ close of the session before.
- Yahoo keeps prices as single-precision floats and prints them as doubles: 344.82 reads 344.82000732421875. Generated
  prices do the same. Prices a folder gives with decimals of its own stand as they are, unless a split scales them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from adapters.sandbox.fates import FIRST
from adapters.sandbox.market import Bar, Market, Name, Number, Step
from adapters.sandbox.yahoo_hours import timetable
from adapters.sandbox.yahoo_symbols import Subject

_SINGLE = struct.Struct("<f")
#: Levels of an index are hundredths of a point.
_HUNDREDTHS = 100


class Row(NamedTuple):
    """One session: prices in the quoted currency, volume in shares.

    An untraded session has no open, high and low; only a fault takes the closes, too.
    """

    date: date
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: int
    adjusted: float | None


@dataclass(frozen=True)
class Series:
    """Rows ascending by date; `dividends` and `splits` by ex-date, of those days alone."""

    rows: list[Row]
    dividends: dict[date, float] = field(default_factory=dict)
    splits: dict[date, Fraction] = field(default_factory=dict)


def single(number: float) -> float:
    """The double next to which a single-precision float stands."""
    return float(_SINGLE.unpack(_SINGLE.pack(number))[0])


def read(subject: Subject, start: date, until: date, now: datetime) -> Series:
    """The rows of `subject` from `start` to `until` (both included) that are visible at `now`."""
    if subject.name is None:
        return Series(_levels(subject, start, until, now))
    market, name = subject.market, subject.name
    bars = market.bars(name.code, start, until, now)[::-1]
    steps = splits(market, name, now)
    dividends = _dividends(market, name, steps, now)
    adjusting = _adjusting(market, name, bars, dividends, steps, now)
    return Series(
        _rows(bars, market.scale, steps, adjusting),
        {day: amount for day, amount in dividends.items() if start <= day <= until},
        {step.ex_date: Fraction(step.ratio).limit_denominator(10_000) for step in steps if start <= step.ex_date <= until},
    )


def newest(subject: Subject, now: datetime, count: int) -> list[Row]:
    """The last `count` visible rows, ascending, without adjusted closes."""
    if subject.name is None:
        return _levels(subject, date.min, date.max, now, count)
    market, name = subject.market, subject.name
    bars = market.bars(name.code, date.min, date.max, now, count)[::-1]
    return _rows(bars, market.scale, splits(market, name, now), {})


def splits(market: Market, name: Name, now: datetime) -> list[Step]:
    """The events Yahoo calls splits, ascending."""
    return [step for step in market.steps(name.code, now) if step.kind != "rights" and step.ratio != 1]


def later_ratio(steps: Sequence[Step], day: date) -> float:
    """Today's shares for one share of `day`."""
    ratio = 1.0
    for step in steps:
        if step.ex_date > day:
            ratio *= step.ratio
    return ratio


def first_day(subject: Subject, now: datetime) -> date:
    """The date of the first row there ever is."""
    hours = timetable(subject.calendar)
    if subject.name is None:
        return hours.first_from(FIRST)
    code, listed = subject.name.code, subject.name.listed
    if subject.market.bars(code, listed, listed, now, 1):
        return listed
    return hours.first_from(max(listed, FIRST))


def _rows(bars: Sequence[Bar], scale: int, steps: Sequence[Step], adjusting: dict[date, float]) -> list[Row]:
    rows = []
    for bar in bars:
        ratio = later_ratio(steps, bar.date)
        close = _price(bar.close, scale, ratio)
        adjusted = single(close * adjusting[bar.date]) if adjusting.get(bar.date, 1.0) != 1.0 else close
        opening, high, low = (_price(price, scale, ratio) if bar.open else None for price in (bar.open, bar.high, bar.low))
        rows.append(Row(bar.date, opening, high, low, close, round(float(bar.volume) * ratio), adjusted))
    return rows


def _price(price: Number, scale: int, ratio: float) -> float:
    if isinstance(price, Decimal) and ratio == 1.0:
        return float(price / scale)
    return single(float(price) / scale / ratio)


def _dividends(market: Market, name: Name, steps: Sequence[Step], now: datetime) -> dict[date, float]:
    """Ex-date -> amount for one share of today, ascending."""
    return {
        dividend.ex_date: round(float(dividend.amount) / later_ratio(steps, dividend.ex_date), 6)
        for dividend in market.dividends(name.code, now)
    }


def _adjusting(
    market: Market, name: Name, bars: Sequence[Bar], dividends: dict[date, float], steps: Sequence[Step], now: datetime
) -> dict[date, float]:
    """By the dates of `bars`, what turns a close into an adjusted close."""
    pending = []
    for day, amount in dividends.items():
        before = market.bars(name.code, date.min, day - timedelta(days=1), now, 1) if bars and day > bars[0].date else []
        close = float(before[0].close) / market.scale / later_ratio(steps, before[0].date) if before else 0.0
        if amount < close:
            pending.append((day, 1.0 - amount / close))
    factors, factor = {}, 1.0
    for bar in reversed(bars):
        while pending and pending[-1][0] > bar.date:
            factor *= pending.pop()[1]
        factors[bar.date] = factor
    return factors


def _levels(subject: Subject, start: date, until: date, now: datetime, count: int = 1_000_000) -> list[Row]:
    levels = subject.market.levels(subject.index, start, until, now, count)[::-1]
    rows = []
    for level in levels:
        opening, high, low, close = (single(price / _HUNDREDTHS) for price in level[1:5])
        rows.append(Row(level.date, opening, high, low, close, level.volume, close))
    return rows
