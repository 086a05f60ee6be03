"""What a sandbox provider needs to know of a market: its names, their bars up to the clock, its indices.

Two sources implement `Market`: `generated.GeneratedMarket` and `replay.ReplayMarket`. Bars are as traded (raw),
prices in the currency a name is quoted in (London: pence) times the market's `scale`; dates are venue-local sessions.
Nothing of a session is visible before its open by the clock; during the session a partial bar is, from its close on
the final one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from pipeline.calendars import VenueCalendar

#: A price or a quantity as the wire prints it: whole, or with the decimals its source gave.
Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Name:
    """One listing of a venue.

    `code` is the symbol on KIS's wire, or our ticker where KIS serves nothing (AU UK EU); `venue` our MIC. `group` is the
    security group of the master files: KR's ST stock, RT REIT, EF ETF, EN ETN, SW warrant, SR right, BC beneficiary
    certificate; elsewhere 2 stock, 3 exchange-traded product, 4 warrant, with `etyp` (001 ETF, 002 ETN, 004 funds and
    trusts) and the `english` name beside it. `ended` is the first day on which the name is no longer listed; `shares` at
    listing; `face` the par value, 0 where the wire has none; `currency` the one it is quoted in as Yahoo writes it
    ("GBp" are pence), "" for the region's.
    """

    code: str
    name: str
    venue: str
    group: str
    listed: date
    ended: date | None
    shares: int
    face: int
    lot: int
    etyp: str = ""
    english: str = ""
    currency: str = ""


class Bar(NamedTuple):
    """One session of one name, as traded.

    `open`, `high` and `low` are 0 on a session without a trade, `close` is then the last one. `base` is the session's
    base price: the previous close after share-count events, in CN and VN less a cash dividend, too. `factor` = base ÷
    previous close on the ex-date of a share-count event, else 1; `ex` the Korean flng_cls_code of the date ("00" none,
    "01" rights, "02" dividend, "05" interim dividend). `amount` is in whole units of the quoted currency, not times the
    market's scale.
    """

    date: date
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    amount: Number
    base: Number
    factor: float
    ex: str


class Step(NamedTuple):
    """A share-count event: prices before `ex_date` are worth `factor` times themselves after it.

    `kind` is split, bonus, consolidation, rights or capital_cut, `ratio` the company's shares after it for one before.
    Only after rights a holder has as many shares as before, so volumes stay as they are. `reason` is the Korean
    revl_issu_reas of a base price that was set anew ("02" capital reduction), else "": there `factor` is what was
    announced, and not base ÷ previous close.
    """

    ex_date: date
    factor: float
    kind: str = "split"
    ratio: float = 1.0
    reason: str = ""


class Dividend(NamedTuple):
    """Cash on a share, as announced: `amount` in the quoted currency for one share of its ex-date."""

    ex_date: date
    amount: Decimal


class Level(NamedTuple):
    """One session of an index, in hundredths of a point; volume in shares, amount in currency."""

    date: date
    open: int
    high: int
    low: int
    close: int
    volume: int
    amount: int


class Market(Protocol):
    """A region's market as far as its clock has come.

    `calendar` and `timezone` (IANA) are those of the main venue; a name follows the calendar of its own. A price in its
    quoted currency is a bar's number ÷ `scale`, which makes the smallest price step of a generated market a whole number;
    `Bar.amount` is in whole currency units as it is. `stands_still`: its names end one by one while their lists go on, so the
    last row of each is what a search shows.
    """

    stands_still: bool
    region: str
    calendar: VenueCalendar
    timezone: ZoneInfo
    scale: int

    def calendar_of(self, venue: str) -> VenueCalendar:
        """The calendar of one venue (MIC); the main one's for a venue the region does not name."""
        ...

    def names(self, now: datetime) -> Sequence[Name]:
        """The names the exchange's lists show at `now` (aware)."""
        ...

    def find(self, code: str) -> Name | None:
        """The listing of `code`, past and future ones included; None when there never is one."""
        ...

    def bars(self, code: str, start: date, until: date, now: datetime, limit: int | None = None) -> list[Bar]:
        """Visible bars of `code` from `start` to `until` (both included), newest first, at most `limit` of them."""
        ...

    def steps(self, code: str, now: datetime) -> Sequence[Step]:
        """Share-count events of `code` whose ex-date has opened at `now`, ascending."""
        ...

    def dividends(self, code: str, now: datetime) -> Sequence[Dividend]:
        """Cash dividends of `code` whose ex-date has opened at `now`, ascending."""
        ...

    def halted(self, code: str, day: date) -> bool:
        """Whether trading in `code` is suspended on `day`."""
        ...

    def reference(self, code: str, now: datetime) -> tuple[Number, Number]:
        """Price and volume the master files print for a listed name: those of its last visible session."""
        ...

    def levels(self, code: str, start: date, until: date, now: datetime, limit: int) -> list[Level]:
        """Visible sessions of the index with provider-neutral code `code`, newest first, at most `limit` of them."""
        ...


def price_factor(steps: Sequence[Step], day: date) -> float:
    """What a raw price of `day` is multiplied with to stand beside today's: the product of all later steps."""
    factor = 1.0
    for step in steps:
        if step.ex_date > day:
            factor *= step.factor
    return factor


def share_ratio(steps: Sequence[Step], day: date) -> float:
    """How many of the company's shares of today stand for one of `day`: the product of all later ratios."""
    ratio = 1.0
    for step in steps:
        if step.ex_date > day:
            ratio *= step.ratio
    return ratio


def partial_bar(bar: Bar, elapsed: float, scale: int) -> Bar:
    """The bar when `elapsed` (0..1) of its session has passed: the open, then the low, then the high, then more volume.

    Prices are prices of the final bar, so they stay on the tick grid; volume and amount grow with the session. `scale`
    is the market's: prices over it are currency.
    """
    if not bar.open:
        return bar._replace(volume=0, amount=0)
    low = bar.open if elapsed < 0.25 else bar.low
    high = bar.open if elapsed < 0.5 else bar.high
    last = bar.open if elapsed < 0.25 else low if elapsed < 0.5 else high
    volume = int(bar.volume * Decimal(str(round(elapsed, 6))))
    if volume == 0:
        return bar._replace(open=0, high=0, low=0, close=bar.base, volume=0, amount=0)
    return bar._replace(high=high, low=low, close=last, volume=volume, amount=int(volume * (low + high + last) / (3 * scale)))


def partial_level(level: Level, elapsed: float) -> Level:
    """An index session as it looks when `elapsed` (0..1) of it has passed; see `partial_bar`."""
    low = level.open if elapsed < 0.25 else level.low
    high = level.open if elapsed < 0.5 else level.high
    last = level.open if elapsed < 0.25 else low if elapsed < 0.5 else high
    return level._replace(
        high=high, low=low, close=last, volume=int(level.volume * elapsed), amount=int(level.amount * elapsed)
    )
