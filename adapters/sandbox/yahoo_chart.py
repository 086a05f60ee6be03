"""Yahoo's chart: daily rows of one symbol with its events and what it says of the listing.

A window is `range` (counted back from today, `1d` and `5d` in sessions) or `period1` to `period2` (seconds, the end not
included); a row belongs to it by the open of its session, which is its timestamp. Only events inside the window are told,
while prices are adjusted through today. While a session runs its row carries the time of the last trade instead, and it
comes after a window that ends before today, too, if that reaches the session before: as the real one does. Other intervals
than a day: none of less than a day is kept (an empty result), longer ones are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from adapters.sandbox.yahoo_hours import Timetable, timetable
from adapters.sandbox.yahoo_series import Row, Series, first_day, newest, read, single
from adapters.sandbox.yahoo_symbols import Subject

RANGES = ("1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max")
_SHORTER = ("1m", "2m", "5m", "15m", "30m", "60m", "90m", "1h", "4h")
_MONTHS = {"1mo": 1, "3mo": 3, "6mo": 6, "1y": 12, "2y": 24, "5y": 60, "10y": 120}
_SESSIONS = {"1d": 1, "5d": 5}
#: Moments beyond these have no date.
_EARLIEST, _LATEST = -60_000_000_000, 200_000_000_000
#: A year of sessions, for the highest and lowest price of 52 weeks.
_YEAR = 252
_DAY = 86_400


class Refused(Exception):
    """Yahoo answers with an error: its HTTP status, code and description."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status, self.code, self.description = status, code, description


@dataclass(frozen=True)
class Window:
    """From `start` to before `end`, in seconds; `label` is the range that was asked for, "" for two moments."""

    start: int
    end: int
    label: str


def chart(subject: Subject, params: Mapping[str, str], now: datetime, kind: str) -> tuple[dict[str, Any], int]:
    """The result object and how many rows it has, bent as the fault `kind` says ("" for none); `Refused`."""
    hours = timetable(subject.calendar)
    window = _window(subject, params, now)
    interval = params.get("interval", "1d")
    series = Series([])
    if interval == "1d":
        series = _bent(subject, _series(subject, window, now), kind, now)
    elif interval not in _SHORTER:
        raise Refused(
            422,
            "Unprocessable Entity",
            f"Invalid input - interval={interval} is not supported. Valid intervals: [{', '.join((*_SHORTER, '1d'))}]",
        )
    events = {part.strip() for part in params.get("events", "").replace("|", ",").split(",")}
    result: dict[str, Any] = {"meta": _meta(subject, window, interval, series, now)}
    if not series.rows:
        return {**result, "indicators": {"quote": [{}], "adjclose": [{}]}}, 0
    result["timestamp"] = [_stamp(row.date, hours, now) for row in series.rows]
    if told := _events(series, hours, events):
        result["events"] = told
    result["indicators"] = _indicators(series.rows, subject.exchange.flat)
    return result, len(series.rows)


def _window(subject: Subject, params: Mapping[str, str], now: datetime) -> Window:
    if "period1" in params or "period2" in params:
        start, end = (_moment(params, name, now) for name in ("period1", "period2"))
        if start >= end:
            text = f"Invalid input - start date cannot be after end date. startDate = {start}, endDate = {end}"
            raise Refused(400, "Bad Request", text)
        first = timetable(subject.calendar).hours(first_day(subject, now)).open
        if end <= first or start > now.timestamp():
            raise Refused(400, "Bad Request", f"Data doesn't exist for startDate = {start}, endDate = {end}")
        return Window(max(start, _EARLIEST), min(end, _LATEST), "")
    label = params.get("range", "1d").lower()
    if label not in RANGES:
        text = f"Invalid input - range={label} is not supported. Valid ranges: [{', '.join(RANGES)}]"
        raise Refused(422, "Unprocessable Entity", text)
    return Window(_range_start(subject, label, now), int(now.timestamp()) + _DAY, label)


def _moment(params: Mapping[str, str], name: str, now: datetime) -> int:
    """A bound of the window; a missing one is the beginning of time, or now."""
    text = params.get(name, "").strip()
    if not text:
        return 0 if name == "period1" else int(now.timestamp())
    try:
        return int(text)
    except ValueError:
        what = "start" if name == "period1" else "end"
        raise Refused(
            422, "Unprocessable Entity", f"Invalid input - {what} date. A valid Unix timestamp is required."
        ) from None


def _range_start(subject: Subject, label: str, now: datetime) -> int:
    hours = timetable(subject.calendar)
    today = now.astimezone(hours.zone).date()
    if label in _SESSIONS:
        rows = newest(subject, now, _SESSIONS[label])
        return hours.hours(rows[0].date if rows else today).open
    if label == "max":
        return _EARLIEST
    start = date(today.year, 1, 1) if label == "ytd" else _months_before(today, _MONTHS[label])
    return int(datetime(start.year, start.month, start.day, tzinfo=hours.zone).timestamp())


def _months_before(day: date, months: int) -> date:
    """The same day some months before; the month's last one where it has none."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def _series(subject: Subject, window: Window, now: datetime) -> Series:
    """What the window shows; the running session follows one that reaches the session before it."""
    hours = timetable(subject.calendar)
    session = hours.newest(now)
    running = hours.hours(session).open <= now.timestamp() < hours.hours(session).close
    found = read(subject, hours.day(window.start), hours.day(window.end), now)
    rows = [row for row in found.rows if window.start <= hours.hours(row.date).open < window.end]
    last = newest(subject, now, 2)
    if running and rows and [row.date for row in last] == [rows[-1].date, session]:
        rows.append(last[-1])
    inside = {row.date for row in rows}
    return Series(
        rows,
        {day: amount for day, amount in found.dividends.items() if day in inside},
        {day: ratio for day, ratio in found.splits.items() if day in inside},
    )


def _bent(subject: Subject, series: Series, kind: str, now: datetime) -> Series:
    """The series with its content as a fault wants it; those about the newest session leave older windows alone."""
    rows = series.rows
    if kind == "empty":
        return Series([])
    if kind == "times_100":
        return replace(series, rows=[_hundredfold(row) for row in rows])
    if rows and rows[-1].date == newest(subject, now, 1)[-1].date:
        before, last = rows[:-1], rows[-1]
        if kind == "stale":
            rows = before
        elif kind == "repeat" and before:
            rows = [*before, before[-1]._replace(date=last.date)]
        elif kind == "nulls":
            rows = [*before, last._replace(open=None, high=None, low=None, close=None, adjusted=None)]
    return replace(series, rows=rows)


def _hundredfold(row: Row) -> Row:
    prices = (row.open, row.high, row.low, row.close, row.adjusted)
    opening, high, low, close, adjusted = (None if price is None else price * 100 for price in prices)
    return row._replace(open=opening, high=high, low=low, close=close, adjusted=adjusted)


def _stamp(day: date, hours: Timetable, now: datetime) -> int:
    """The open of the session; of the running one the time of the last trade."""
    opens, closes = hours.hours(day)
    seconds = int(now.timestamp())
    return seconds if opens <= seconds < closes else opens


def _events(series: Series, hours: Timetable, wanted: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if series.dividends and wanted & {"div", "dividends"}:
        told["dividends"] = {
            str(at): {"amount": amount, "date": at}
            for day, amount in series.dividends.items()
            for at in (hours.hours(day).open,)
        }
    if series.splits and wanted & {"split", "splits"}:
        told["splits"] = {
            str(at): {
                "date": at,
                "numerator": float(ratio.numerator),
                "denominator": float(ratio.denominator),
                "splitRatio": f"{ratio.numerator}:{ratio.denominator}",
            }
            for day, ratio in series.splits.items()
            for at in (hours.hours(day).open,)
        }
    return told


def _indicators(rows: list[Row], flat: bool) -> dict[str, Any]:
    """The arrays; an untraded session is flat at the last close, or null in all of them."""
    columns: dict[str, list[float | int | None]] = {name: [] for name in ("low", "close", "open", "volume", "high")}
    adjusted: list[float | None] = []
    for row in rows:
        untraded = row.open is None and row.close is not None
        if untraded and not flat:
            values: tuple[float | int | None, ...] = (None,) * 6
        elif untraded:
            values = (row.close, row.close, row.close, 0, row.close, row.adjusted)
        else:
            values = (row.low, row.close, row.open, row.volume, row.high, row.adjusted)
        for name, value in zip(columns, values[:5], strict=True):
            columns[name].append(value)
        adjusted.append(values[5])
    return {"quote": [columns], "adjclose": [{"adjclose": adjusted}]}


def _meta(subject: Subject, window: Window, interval: str, series: Series, now: datetime) -> dict[str, Any]:
    hours = timetable(subject.calendar)
    local = now.astimezone(hours.zone)
    offset = local.utcoffset() or timedelta(0)
    year = newest(subject, now, _YEAR)
    last = year[-1] if year else None
    session = hours.hours(last.date if last else hours.newest(now))
    meta = {
        "currency": subject.currency,
        "symbol": subject.symbol,
        "exchangeName": subject.exchange.code,
        "fullExchangeName": subject.exchange.full_name,
        "instrumentType": subject.kind,
        "firstTradeDate": hours.hours(first_day(subject, now)).open,
        "regularMarketTime": min(int(now.timestamp()), session.close),
        "hasPrePostMarketData": subject.exchange.extended,
        "gmtoffset": int(offset.total_seconds()),
        "timezone": local.tzname(),
        "exchangeTimezoneName": hours.zone.key,
    }
    if last is not None and last.close is not None:
        highs, lows = ([price for row in year if (price := getattr(row, side)) is not None] for side in ("high", "low"))
        meta |= {
            "regularMarketPrice": plain(last.close),
            "fiftyTwoWeekHigh": plain(max(highs, default=last.close)),
            "fiftyTwoWeekLow": plain(min(lows, default=last.close)),
            "regularMarketDayHigh": plain(last.close if last.high is None else last.high),
            "regularMarketDayLow": plain(last.close if last.low is None else last.low),
            "regularMarketVolume": last.volume,
        }
    before = _close_before(subject, series, hours, window, now)
    return meta | {
        "longName": subject.title,
        "shortName": subject.title[:30],
        **({} if before is None else {"chartPreviousClose": plain(before)}),
        "priceHint": price_hint(last.close if last else None),
        "currentTradingPeriod": trading_period(subject, now),
        "dataGranularity": interval,
        "range": window.label,
        "validRanges": list(RANGES),
    }


def _close_before(subject: Subject, series: Series, hours: Timetable, window: Window, now: datetime) -> float | None:
    """The close of the session before the window; where there is none, the first open of it."""
    start = series.rows[0].date if series.rows else hours.day(window.start)
    earlier = read(subject, start - timedelta(days=14), start - timedelta(days=1), now).rows if start.year > 1 else []
    if earlier:
        return earlier[-1].close
    return series.rows[0].open if series.rows else None


def trading_period(subject: Subject, now: datetime) -> dict[str, Any]:
    """The hours of the newest session, before, in and after it; empty ones where nothing trades outside it."""
    hours = timetable(subject.calendar)
    opens, closes = hours.hours(hours.newest(now))
    local = now.astimezone(hours.zone)
    zone = {"timezone": local.tzname(), "gmtoffset": int((local.utcoffset() or timedelta(0)).total_seconds())}
    early, late = (19_800, 14_400) if subject.exchange.extended else (0, 0)  # New York: 4:00 to 9:30, 16:00 to 20:00
    bounds = {"pre": (opens - early, opens), "regular": (opens, closes), "post": (closes, closes + late)}
    return {name: {**zone, "start": start, "end": end} for name, (start, end) in bounds.items()}


def plain(price: float) -> float:
    """A price without the noise of single precision: the shortest number that is the same in it."""
    for digits in range(6, 10):
        shorter = float(f"{price:.{digits}g}")
        if single(shorter) == single(price):
            return shorter
    return price


def price_hint(price: float | None) -> int:
    """How many decimals Yahoo shows: two, four for what costs less than one unit."""
    return 4 if price is not None and price < 1 else 2
