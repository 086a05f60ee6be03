"""A market read from a folder: `DIR/REGION/TICKER.csv` (date,open,high,low,close,volume), served as raw without events.

Numbers are printed as the file writes them; rows with open = high = low = 0 are served as they stand; amount is close
× volume. A listing begins with its first row and has ended the day after its last one (`Name.ended`), but stays in
the exchange's list. Files are named by our tickers (`BRK.B.csv`, a second line `SAN:XMAD` by `SAN_XMAD.csv`); the US
wire spells them as KIS does (`BRK/B`). Prices are in the currency London quotes: pence in UK.
`DIR/universe.csv` (region,ticker,venue,name,lot) wins over the defaults of `regions.Files`: a venue by the ticker, the
ticker as name, a lot; it names, it does not list: a ticker without a CSV of bars does not exist. There are no indices.
"""

from __future__ import annotations

import csv
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from adapters.sandbox.market import Bar, Dividend, Level, Name, Number, Step, partial_bar
from adapters.sandbox.regions import PROFILES, Profile
from pipeline.calendars import VenueCalendar, calendar
from pipeline.errors import CalendarUnknown, UsageError

_COLUMNS = ["date", "open", "high", "low", "close", "volume"]
_UNIVERSE = ["region", "ticker", "venue", "name", "lot"]
#: How a file spells the colon of a second line (`SAN:XMAD`), which not every file system takes.
_COLON = "_"


@dataclass(frozen=True)
class _Series:
    """One name and its rows, ascending by date."""

    name: Name
    days: list[date]
    bars: list[Bar]


class ReplayMarket:
    """The bars of one folder; `UsageError` names the file and line that can't be read."""

    scale = 1

    stands_still = True

    def __init__(self, folder: Path, region: str) -> None:
        self.region = region
        self._profile = PROFILES[region]
        self.calendar = calendar(self._profile.calendar)
        self.timezone = ZoneInfo(self.calendar.timezone)
        bars = folder / self.region
        if not bars.is_dir():
            raise UsageError(f"{folder}: no folder {self.region}/ with TICKER.csv files; give the folder that holds it")
        self._paths: dict[str, Path] = {}
        for path in sorted(bars.glob("*.csv")):
            other = self._paths.setdefault(_symbol(_ticker(path), region), path)
            if other is not path:
                raise UsageError(f"{path}: {other.name} is the same listing on KIS's wire; keep one of them")
        if not self._paths:
            raise UsageError(f"{bars}: no CSV file; expected TICKER.csv with {','.join(_COLUMNS)}")
        self._named = _read_universe(folder / "universe.csv", self.region)
        self._series: dict[str, _Series] = {}
        self._lock = threading.Lock()
        for code in self._paths:
            self._load(code)  # a file that can't be served is told before the first request

    def calendar_of(self, venue: str) -> VenueCalendar:
        """The calendar of one venue."""
        return calendar(self._profile.venues.get(venue, self._profile.calendar))

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
        venue = self.calendar_of(series.name.venue)
        today = now.astimezone(ZoneInfo(venue.timezone)).date()
        stop = bisect_right(series.days, min(until, today))
        elapsed = self._elapsed(venue, today, now) if stop and series.days[stop - 1] == today else 1.0
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

    def dividends(self, code: str, now: datetime) -> Sequence[Dividend]:
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

    def _elapsed(self, venue: VenueCalendar, today: date, now: datetime) -> float:
        """How much of the session of `today` has passed at `now`; below 0 before its open."""
        opens, closes = (datetime.combine(today, at, self.timezone).astimezone(UTC) for at in self._profile.files.hours)
        try:
            if venue.is_session(today):
                hours = venue.session(today)
                opens, closes = hours.open, hours.close
        except CalendarUnknown:
            pass  # a folder may hold rows of years the calendar does not know: regular hours
        return min((now - opens) / (closes - opens), 1.0)

    def _load(self, code: str) -> _Series:
        with self._lock:
            series = self._series.get(code)
            if series is None:
                series = self._series[code] = _read_series(self._paths[code], code, self._named, self._profile)
            return series


def _ticker(path: Path) -> str:
    """The ticker a file is named by."""
    return path.stem.upper().replace(_COLON, ":")


def _symbol(ticker: str, region: str) -> str:
    """A ticker of ours as KIS spells it, which differs in the US alone; `-PR` is a preferred series without a name."""
    if region != "US":
        return ticker
    return (ticker.removesuffix("PR") if ticker.endswith("-PR") else ticker).replace(".", "/").replace("-", "/")


def _read_series(path: Path, code: str, universe: dict[str, dict[str, str]], profile: Profile) -> _Series:
    ticker, files = _ticker(path), profile.files
    named = universe.get(ticker, {})
    if not files.tickers.fullmatch(ticker):
        raise UsageError(f"{path}: a ticker is {files.words}; rename the file, or move it away")
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
    lot = named.get("lot") or str(files.lot)
    if not lot.isdecimal() or not int(lot):
        raise UsageError(f"universe.csv: lot of {ticker} is {lot!r}; write a whole number of 1 or more")
    venue = named.get("venue") or _venue(ticker, profile)
    if venue not in profile.venues:
        raise UsageError(f"universe.csv: venue of {ticker} is {venue!r}; one of {', '.join(profile.venues)}")
    name = Name(
        code=code,
        name=named.get("name") or ticker,
        venue=venue,
        group=files.group,
        listed=days[0],
        ended=days[-1] + timedelta(days=1),
        shares=files.shares,
        face=files.face,
        lot=int(lot),
        currency=profile.currency,
    )
    return _Series(name, days, bars)


def _venue(ticker: str, profile: Profile) -> str:
    """The venue of a ticker that universe.csv does not name: a second line says it itself."""
    bare, _, venue = ticker.partition(":")
    return venue or next(venue for tickers, venue in profile.files.venues if tickers.fullmatch(bare))


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
