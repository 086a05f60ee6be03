"""Yahoo's screener as a region's list: which lines it shows, under which of our tickers, and which of them are at home.

Three things the screener does not say are decided here:

- **Ticker.** Where a region's venues have suffixes of their own (EU), two may share a code: the venue that settings name
  first keeps it bare, the others add their MIC. Such a region is swept whole, so that the answer does not depend on who is
  large enough today.
- **Secondary lines** get the type `foreign`, which no region's rule follows. A name on several venues is at home where its
  turnover is largest. Where Yahoo's list is the region's own (AU UK EU), a line whose company reports in another currency and
  of which less than 1/10,000 of its value changes hands a day is a foreign company's.
- **Security type.** All are EQUITY; names and codes tell the rest (`security_types.csv`).

Market values come in the major currency, also for prices in pence.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from adapters.base import INSTRUMENTS
from adapters.yfinance import numbers, symbols
from adapters.yfinance.chart import PROVIDER, Refusals
from adapters.yfinance.security_type import security_type

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

#: Daily turnover as a share of market value below which a foreign reporter's line is a secondary one. Home lines of companies
#: that report in dollars (TotalEnergies, ArcelorMittal) trade some 1/1,000, US names in Xetra 1/20,000. Our choice.
_LEAST_TURNOVER = 1e-4


@dataclass(frozen=True)
class Exchange:
    """A venue of ours under Yahoo's region key and exchange code (`exchanges.csv`)."""

    mic: str
    region_key: str
    exchange: str


@dataclass(frozen=True)
class Line:
    """One line of the screener: `code` as its venue writes it, `value` and `turnover` (a day's) in `currency`."""

    symbol: str
    mic: str
    code: str
    name: str
    security_type: str
    currency: str
    value: float | None
    shares: int | None
    turnover: float | None
    reports_in: str


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All venues Yahoo's screener knows."""
    text = Path(__file__).with_name("exchanges.csv").read_text(encoding="utf-8")
    return tuple(Exchange(row["mic"], row["region_key"], row["exchange"]) for row in csv.DictReader(text.splitlines()))


def of_region(config: RegionConfig) -> tuple[Exchange, ...]:
    """The region's venues that settings give a suffix and the screener a code."""
    suffixes = config.codes.get(PROVIDER, {})
    return tuple(one for one in exchanges() if one.mic in suffixes)


def query(of: Sequence[Exchange]) -> Mapping[str, Any]:
    """The screener's condition for the lines of these exchanges, checked by yfinance's own table of values."""
    from yfinance import EquityQuery  # type: ignore[import-untyped]

    def one_of(field: str, found: Iterable[str]) -> EquityQuery:
        values = list(dict.fromkeys(found))
        return EquityQuery("is-in" if len(values) > 1 else "eq", [field, *values])

    parts = [one_of("region", (one.region_key for one in of)), one_of("exchange", (one.exchange for one in of))]
    condition: Mapping[str, Any] = EquityQuery("and", parts).to_dict()
    return condition


def swept_whole(config: RegionConfig) -> bool:
    """Whether all of the region's lines are needed, however small: two of its venues may share a code."""
    return len(set(config.codes.get(PROVIDER, {}).values())) > 1


def eligible(config: RegionConfig) -> Callable[[Line], bool]:
    """Lines that the region's rule may follow, whatever they are worth."""
    rule = config.universe

    def is_eligible(line: Line) -> bool:
        return line.security_type in rule.security_types and (
            not rule.main_currency_only or line.currency == config.currency
        )

    return is_eligible


def line(quote: Any, config: RegionConfig, refusals: Refusals) -> Line | None:
    """One quote of the screener or of the quote page; None where it was refused."""
    found = quote if isinstance(quote, dict) else {}
    spelt = str(found.get("symbol") or "")
    by_code = {one.exchange: one.mic for one in of_region(config)}
    mic = by_code.get(str(found.get("exchange") or ""))
    if not spelt or mic is None:
        what = f"{spelt or 'a line without a symbol'} of exchange {found.get('exchange')!r}"
        refusals.add("wrong_venue", f"{what}, asked was {', '.join(by_code)}", quote)
        return None
    try:
        code = symbols.code(spelt, config.region, config.codes[PROVIDER][mic])
        if not any(re.fullmatch(pattern, code) for pattern in config.ticker_patterns):
            raise ValueError(f"{code!r} is no ticker of {config.region}")
        currency, unit = numbers.major(str(found.get("currency") or ""))
        if not currency:
            raise ValueError(f"{spelt} has no currency")
        last, traded = numbers.price(found.get("regularMarketPrice"), unit), _number(found.get("averageDailyVolume3Month"))
        name = str(found.get("longName") or found.get("shortName") or "").strip()
        return Line(
            symbol=spelt,
            mic=mic,
            code=code,
            name=name,
            security_type=security_type(
                config.region,
                {"quote_type": str(found.get("quoteType") or ""), "name": name.upper(), "code": code, "symbol": spelt},
            ),
            currency=currency,
            value=_number(found.get("marketCap")) or None,
            shares=numbers.count(found.get("sharesOutstanding")),
            turnover=None if last is None or traded is None else last * traded,
            reports_in=str(found.get("financialCurrency") or ""),
        )
    except ValueError as error:
        refusals.add("unparsable", str(error), quote)
        return None


def instruments(lines: Iterable[Line], config: RegionConfig) -> pl.DataFrame:
    """INSTRUMENTS, one row a line, in the order of the venues and by code."""
    order = {venue.mic: place for place, venue in enumerate(config.venues)}
    placed = sorted({one.symbol: one for one in lines}.values(), key=lambda one: (order[one.mic], one.code))
    at_home = _at_home(placed, config)
    taken: dict[str, str] = {}
    rows = []
    for one in placed:
        ticker = one.code if taken.setdefault(one.code, one.mic) == one.mic else f"{one.code}:{one.mic}"
        rows.append(
            {
                "region": config.region,
                "ticker": ticker,
                "venue": one.mic,
                "name": one.name or None,
                "security_type": one.security_type if at_home(one) else "foreign",
                "currency": one.currency,
                "shares": one.shares,
                "value": one.value,
                "provider": PROVIDER,
            }
        )
    return pl.DataFrame(rows, schema=INSTRUMENTS)


def candidates(tickers: Iterable[str], config: RegionConfig) -> list[str]:
    """Symbols under which the region's venues may list `tickers`, in the order of the venues."""
    suffixes = config.codes.get(PROVIDER, {})
    found = []
    for ticker in tickers:
        mic = ticker.partition(":")[2]
        for venue in config.venues:
            if venue.mic in suffixes and (not mic or mic == venue.mic):
                found.append(symbols.symbol(ticker, config.region, suffixes[venue.mic]))
    return list(dict.fromkeys(found))


def _at_home(lines: Sequence[Line], config: RegionConfig) -> Callable[[Line], bool]:
    """Whether a line stands on its company's home venue."""
    home: dict[str, str] = {}
    if swept_whole(config):
        turnovers: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for one in lines:
            if one.name:
                turnovers[one.name.upper()][one.mic] += one.turnover or 0.0
        # The first of equals: lines come in the order of the venues.
        home = {name: max(by_venue, key=lambda mic: by_venue[mic]) for name, by_venue in turnovers.items()}
    own_list = config.chain.get("universe", ())[:1] == (PROVIDER,)

    def is_at_home(one: Line) -> bool:
        if home.get(one.name.upper(), one.mic) != one.mic:
            return False
        foreign_reporter = own_list and one.reports_in and one.reports_in != config.currency
        quiet = one.turnover is not None and one.value is not None and one.turnover < _LEAST_TURNOVER * one.value
        return not (foreign_reporter and quiet)

    return is_at_home


def _number(value: Any) -> float | None:
    """A value that needs no unit; None where it is missing or no number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        return None
    return float(value)
