"""A market read from a folder: `DIR/REGION/TICKER.csv` (date,open,high,low,close,volume), served as raw without events.

Numbers are printed as the file writes them; rows with open = high = low = 0 are served as they stand; amount is close
× volume. A listing begins with its first row and has ended the day after its last one (`Name.ended`), but stays in
the exchange's list. Files are named by our tickers (`BRK.B.csv`), the wire spells them as KIS does (`BRK/B`).
`DIR/universe.csv` (region,ticker,venue,name,lot) wins over the defaults: the region's first venue, the ticker as name,
lot 1; it names, it does not list: a ticker without a CSV of bars does not exist. There are no indices.
"""

from __future__ import annotations

import csv
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from adapters.sandbox.market import Bar, Level, Name, Number, Step, partial_bar
from adapters.sandbox.regions import PROFILES
from pipeline.calendars import calendar
from pipeline.errors import CalendarUnknown, UsageError

_COLUMNS = ["date", "open", "high", "low", "close", "volume"]
_UNIVERSE = ["region", "ticker", "venue", "name", "lot"]
#: Regular hours, for a row on a date the calendar calls closed or does not know.
_HOURS = {"KR": (time(9, 0), time(15, 30)), "US": (time(9, 30), time(16, 0))}


@dataclass(frozen=True)
class _Wire:
    """How a region's listings look on the wire: file names that can be tickers, venues (the default first), shares, group.

    `shares` times any price of a followed name is above the region's least market value.
    """

    ticker: re.Pattern[str]
    words: str
    venues: tuple[str, ...]
    shares: int
    face: int
    group: str


_WIRES = {
    "KR": _Wire(
        re.compile(r"[0-9A-Z]{6}"), "six letters or digits of the Korean wire", ("XKRX", "XKOS"), 10_000_000, 500, "ST"
    ),
    "US": _Wire(
        re.compile(r"[A-Z]{1,5}([.-][A-Z]{1,3})?"),
        "one to five letters, and for a class a dot and its letters",
        ("XNAS", "XNYS", "XASE"),
        1_000_000_000,
        0,
        "2",
    ),
}


@dataclass(frozen=True)
class _Series:
    """One name and its rows, ascending by date."""

    name: Name
    days: list[date]
    bars: list[Bar]


class ReplayMarket:
    """The bars of one folder; `UsageError` names the file and line that can't be read."""

    scale = 1

    def __init__(self, folder: Path, region: str) -> None:
        self.region = region
        self._wire = _WIRES[region]
        self.calendar = calendar(PROFILES[region].calendar)
        self.timezone = ZoneInfo(self.calendar.timezone)
        bars = folder / self.region
        if not bars.is_dir():
            raise UsageError(f"{folder}: no folder {self.region}/ with TICKER.csv files; give the folder that holds it")
        self._paths: dict[str, Path] = {}
        for path in sorted(bars.glob("*.csv")):
            other = self._paths.setdefault(_symbol(path.stem.upper()), path)
            if other is not path:
                raise UsageError(f"{path}: {other.name} is the same listing on KIS's wire; keep one of them")
        if not self._paths:
            raise UsageError(f"{bars}: no CSV file; expected TICKER.csv with {','.join(_COLUMNS)}")
        self._named = _read_universe(folder / "universe.csv", self.region)
        self._series: dict[str, _Series] = {}
        self._lock = threading.Lock()
        for code in self._paths:
            self._load(code)  # a file that can't be served is told before the first request

    def names(self, now: datetime) -> Sequence[Name]:
        """Every name whose first row has come, ended ones included."""
        today = now.astimezone(self.timezone).date()
        return [name for code in self._paths if (name := self._load(code).name).listed <= today]

    def find(self, code: str) -> Name | None:
        """The listing of `code`."""
        return self._load(code).name if code in self._paths else None

    def bars(self, code: str, start: date, until: date, now: datetime, limit: int | None = None) -> list[Bar]:
        """Visible rows, newest first."""
        if code not in self._paths:
            return []
        series = self._load(code)
        today = now.astimezone(self.timezone).date()
        stop = bisect_right(series.days, min(until, today))
        elapsed = self._elapsed(now) if stop and series.days[stop - 1] == today else 1.0
        if elapsed < 0:
            stop -= 1
        first = bisect_left(series.days, start)
        if limit is not None:
            first = max(first, stop - limit)
        rows = series.bars[first:stop][::-1] if stop > first else []
        if rows and 0 <= elapsed < 1.0:
            rows[0] = partial_bar(rows[0], elapsed, self.scale)
        return rows

    def steps(self, code: str, now: datetime) -> Sequence[Step]:
        """None: the rows are served as raw."""
        return []

    def halted(self, code: str, day: date) -> bool:
        """Whether the row of `day` shows no open; a name without a row that day is not halted."""
        if code not in self._paths:
            return False
        series = self._load(code)
        at = bisect_left(series.days, day)
        return at < len(series.days) and series.days[at] == day and not series.bars[at].open

    def reference(self, code: str, now: datetime) -> tuple[Number, Number]:
        """The last visible close and volume."""
        bars = self.bars(code, date.min, date.max, now, limit=1)
        return (bars[0].close, bars[0].volume) if bars else (0, 0)

    def levels(self, code: str, start: date, until: date, now: datetime, limit: int) -> list[Level]:
        """None: the folder has no indices, so every index code is an unknown one."""
        return []

    def _elapsed(self, now: datetime) -> float:
        """How much of today's session has passed at `now`; below 0 before its open."""
        today = now.astimezone(self.timezone).date()
        opens, closes = (datetime.combine(today, at, self.timezone).astimezone(UTC) for at in _HOURS[self.region])
        try:
            if self.calendar.is_session(today):
                hours = self.calendar.session(today)
                opens, closes = hours.open, hours.close
        except CalendarUnknown:
            pass  # a folder may hold rows of years the calendar does not know: regular hours
        return min((now - opens) / (closes - opens), 1.0)

    def _load(self, code: str) -> _Series:
        with self._lock:
            series = self._series.get(code)
            if series is None:
                series = self._series[code] = _read_series(self._paths[code], code, self._named, self._wire)
            return series


def _symbol(ticker: str) -> str:
    """A ticker of ours as KIS spells it; `-PR` is a preferred series without a name."""
    return (ticker.removesuffix("PR") if ticker.endswith("-PR") else ticker).replace(".", "/").replace("-", "/")


def _read_series(path: Path, code: str, universe: dict[str, dict[str, str]], wire: _Wire) -> _Series:
    ticker = path.stem.upper()
    named = universe.get(ticker, {})
    if not wire.ticker.fullmatch(ticker):
        raise UsageError(f"{path}: a ticker is {wire.words}; rename the file, or move it away")
    days: list[date] = []
    bars: list[Bar] = []
    base: Number | None = None
    with _text(path) as file:
        rows = csv.reader(file)
        if next(rows, []) != _COLUMNS:
            raise UsageError(f"{path}: line 1 must read {','.join(_COLUMNS)}")
        for line, row in enumerate(rows, start=2):
            try:
                day = date.fromisoformat(row[0])
                opening, high, low, close, volume = (_number(text) for text in row[1:])
            except (ValueError, IndexError, InvalidOperation):
                raise UsageError(f"{path}: line {line} is not {','.join(_COLUMNS)}: {','.join(row)}") from None
            if days and day == days[-1]:
                raise UsageError(f"{path}: line {line}: {day} stands twice; keep one row a date")
            if days and day < days[-1]:
                raise UsageError(f"{path}: line {line}: {day} does not come after {days[-1]}; sort the file by date")
            amount = int(close * volume)
            days.append(day)
            bars.append(Bar(day, opening, high, low, close, volume, amount, close if base is None else base, 1.0, "00"))
            base = close
    if not days:
        raise UsageError(f"{path}: no row; give at least one, or remove the file")
    lot = named.get("lot") or "1"
    if not lot.isdecimal() or not int(lot):
        raise UsageError(f"universe.csv: lot of {ticker} is {lot!r}; write a whole number of 1 or more")
    if (named.get("venue") or wire.venues[0]) not in wire.venues:
        raise UsageError(f"universe.csv: venue of {ticker} is {named['venue']!r}; one of {', '.join(wire.venues)}")
    name = Name(
        code=code,
        name=named.get("name") or ticker,
        venue=named.get("venue") or wire.venues[0],
        group=wire.group,
        listed=days[0],
        ended=days[-1] + timedelta(days=1),
        shares=wire.shares,
        face=wire.face,
        lot=int(lot),
    )
    return _Series(name, days, bars)


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """The file as text; `UsageError` where it is none or can't be opened."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: is no CSV text in UTF-8 ({error}); save it as that, or move it away") from error
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror}); make it a readable file, or move it away") from error


def _read_universe(path: Path, region: str) -> dict[str, dict[str, str]]:
    """Ticker -> its row of universe.csv; empty when there is no such file."""
    if not path.is_file():
        return {}
    with _text(path) as file:
        rows = csv.DictReader(file)
        if rows.fieldnames is None or not {"region", "ticker"} <= set(rows.fieldnames):
            raise UsageError(f"{path}: line 1 must read {','.join(_UNIVERSE)}")
        return {(row["ticker"] or "").upper(): row for row in rows if (row["region"] or "").upper() == region}


def _number(text: str) -> Number:
    """The number exactly as written."""
    try:
        return int(text)
    except ValueError:
        number = Decimal(text)
        if not number.is_finite():
            raise
        return number
