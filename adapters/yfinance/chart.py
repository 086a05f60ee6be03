"""One chart of Yahoo: what it says of itself, its rows, and the frames made of them.

Open, high, low, close and volume come adjusted for every split up to now; each row's time is the session's open (in the
running session that of the last trade). A row of nulls is an untraded session and is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from adapters.base import BARS, INDEX_BARS, REFUSED, Basis, Instrument
from adapters.yfinance import numbers
from pipeline.errors import Unavailable

PROVIDER = "yfinance"
_PRICES = ("open", "high", "low", "close")
#: A daily row whose clock was set wrong around a change of daylight saving stands shortly before its midnight (yfinance 1.7.0,
#: utils.fix_Yahoo_dst_issue).
_JUST_BEFORE_MIDNIGHT = (22, 23)


@dataclass(frozen=True)
class Row:
    """One row as it came: its venue-local `date`, its `time` (unix seconds), and the five values of the wire."""

    date: dt.date
    time: int
    values: tuple[Any, Any, Any, Any, Any]

    @property
    def empty(self) -> bool:
        """No price and no volume: nothing was traded."""
        *prices, volume = self.values
        return all(_missing(price) for price in prices) and (_missing(volume) or volume == 0)


@dataclass(frozen=True)
class Chart:
    """A chart that was read: `rows` by time, `events` as they came, `unit` wire prices make one of `currency`.

    `first_trade` is the date of the oldest row Yahoo has, `traded_on` that of the last trade; None where it does not say.
    """

    symbol: str
    zone: ZoneInfo
    currency: str
    unit: int
    first_trade: dt.date | None
    traded_on: dt.date | None
    traded_at: int | None
    rows: tuple[Row, ...]
    events: Mapping[str, Any]

    def date_of(self, seconds: int) -> dt.date:
        """The venue's date at a moment."""
        return _date(seconds, self.zone)


def read(result: Mapping[str, Any], symbol: str) -> Chart:
    """The chart of `symbol` in an answer's result; Unavailable for another symbol's and for a layout that can't be read."""
    try:
        meta = result["meta"]
        told = str(meta["symbol"])
        zone = ZoneInfo(str(meta["exchangeTimezoneName"]))
        currency, unit = numbers.major(str(meta.get("currency") or ""))
        times = [int(one) for one in result.get("timestamp") or ()]
        quote = result["indicators"]["quote"][0] or {}
        columns = [list(quote.get(name) or [None] * len(times)) for name in (*_PRICES, "volume")]
        rows = [Row(_date(time, zone), time, values) for time, *values in zip(times, *columns, strict=True)]  # type: ignore[arg-type]
        first, last = meta.get("firstTradeDate"), meta.get("regularMarketTime")
        chart = Chart(
            symbol=told,
            zone=zone,
            currency=currency,
            unit=unit,
            first_trade=None if first is None else _date(int(first), zone),
            traded_on=None if last is None else _date(int(last), zone),
            traded_at=None if last is None else int(last),
            rows=tuple(sorted(rows, key=lambda row: row.time)),
            events=result.get("events") or {},
        )
    except (LookupError, TypeError, ValueError, ArithmeticError, OSError, ZoneInfoNotFoundError) as error:
        raise Unavailable(f"{PROVIDER}: the chart of {symbol} can't be read ({type(error).__name__}: {error})") from error
    if told.upper() != symbol.upper():
        raise Unavailable(f"{PROVIDER}: asked for {symbol}, the answer is about {told}")
    return chart


def adjusted_through(chart: Chart, splits: list[dt.date]) -> dt.date:
    """The day up to which the rows contain every split: that of the last trade, or of a later split the answer tells of.

    Not the day of asking: before the open, a split of the day may be neither told nor applied yet.
    """
    days = [day for day in (chart.traded_on, chart.rows[-1].date if chart.rows else None, *splits) if day is not None]
    return max(days, default=dt.date.min)


@dataclass
class Refusals:
    """Rows that can't be taken (REFUSED)."""

    region: str
    ticker: str | None
    _rows: list[tuple[dt.date | None, str, str, str]] = field(default_factory=list)

    def add(self, rule: str, reason: str, raw: Any, date: dt.date | None = None) -> None:
        """Keep `raw` (JSON values of the wire) with the rule that refused it."""
        self._rows.append((date, rule, reason, numbers.as_json(raw)))

    def frame(self) -> pl.DataFrame:
        """REFUSED, in the order of the answer."""
        rows = [(self.region, self.ticker, *row, PROVIDER) for row in self._rows]
        return pl.DataFrame(rows, schema=REFUSED, orient="row")


def bars(
    chart: Chart, instrument: Instrument, start: dt.date, end: dt.date, through: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `start` to `end` as BARS, ascending by date, and those that can't be taken (REFUSED).

    `through`: up to where they are adjusted. Two rows of one date are both kept, except for those of the newest session: while
    it is fresh Yahoo gives the session's row and the last trade's, of which the later one is whole.
    """
    refusals = Refusals(instrument.region, instrument.ticker)
    frame = _frame(chart, BARS, start, end, refusals, volume_needed=True).with_columns(
        region=pl.lit(instrument.region),
        ticker=pl.lit(instrument.ticker),
        currency=pl.lit(chart.currency),
        basis=pl.lit(Basis.SPLIT_ADJUSTED.value),
        adjusted_through=pl.lit(through, dtype=pl.Date),
    )
    return frame.select(BARS.names()), refusals.frame()


def levels(
    chart: Chart, region: str, index_code: str, currency: str, start: dt.date, end: dt.date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same of an index as INDEX_BARS; `currency` where the chart names none. Many indices come without a volume."""
    refusals = Refusals(region, None)
    frame = _frame(chart, INDEX_BARS, start, end, refusals, volume_needed=False).with_columns(
        region=pl.lit(region),
        index_code=pl.lit(index_code),
        currency=pl.lit(chart.currency or currency),
    )
    return frame.select(INDEX_BARS.names()), refusals.frame()


def _frame(
    chart: Chart, schema: pl.Schema, start: dt.date, end: dt.date, refusals: Refusals, *, volume_needed: bool
) -> pl.DataFrame:
    """The rows of the range that can be taken: date, prices, volume, amount and provider with the dtypes of `schema`."""
    found: dict[str, list[Any]] = {name: [] for name in ("date", *_PRICES, "volume")}
    for row in _inside(chart, start, end, refusals):
        values = _values(chart, row, refusals, volume_needed=volume_needed)
        if values is not None:
            for name, value in zip(found, (row.date, *values), strict=True):
                found[name].append(value)
    return pl.DataFrame(found, schema={name: schema[name] for name in found}).with_columns(
        amount=pl.lit(None, dtype=schema["amount"]), provider=pl.lit(PROVIDER)
    )


def _inside(chart: Chart, start: dt.date, end: dt.date, refusals: Refusals) -> list[Row]:
    """The rows of the range that say something; the earlier one of the newest session's two is refused."""
    rows = [row for row in chart.rows if not row.empty]
    if len(rows) > 1 and rows[-1].date == rows[-2].date and rows[-1].time == chart.traded_at:
        live = rows.pop(-2)
        if start <= live.date <= end:
            refusals.add("superseded_row", "the session's last trade came as a row of its own", _raw(live), live.date)
    return [row for row in rows if start <= row.date <= end]


def _values(
    chart: Chart, row: Row, refusals: Refusals, *, volume_needed: bool
) -> tuple[float, float, float, float, int | None] | None:
    """Prices in the major unit and the volume; None where the row was refused."""
    try:
        *prices, volume = row.values
        opened, high, low, close = (numbers.price(price, chart.unit) for price in prices)
        traded = numbers.count(volume)
    except ValueError as error:
        refusals.add("unparsable", str(error), _raw(row), row.date)
        return None
    if opened is None or high is None or low is None or close is None or (volume_needed and traded is None):
        empty = [name for name, value in zip((*_PRICES, "volume"), row.values, strict=True) if _missing(value)]
        refusals.add("missing_field", f"{', '.join(empty)} missing", _raw(row), row.date)
        return None
    return opened, high, low, close, traded


def _raw(row: Row) -> dict[str, Any]:
    return {"timestamp": row.time, **dict(zip((*_PRICES, "volume"), row.values, strict=True))}


def _missing(value: Any) -> bool:
    return value is None or (hasattr(value, "is_finite") and not value.is_finite())


def _date(seconds: int, zone: ZoneInfo) -> dt.date:
    """The venue's date of a row or event."""
    local = dt.datetime.fromtimestamp(seconds, zone)
    if local.minute == 0 and local.hour in _JUST_BEFORE_MIDNIGHT:
        local += dt.timedelta(hours=24 - local.hour)
    return local.date()
