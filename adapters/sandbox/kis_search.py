"""KIS's condition search overseas (HHDFS76410000): what traded on an exchange, by market value, a hundred a page."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.kis_calls import CONT, Quote, field, invalid
from adapters.sandbox.kis_exchanges import EXCHANGES, Exchange
from adapters.sandbox.kis_overseas_bars import direction, money, rate, unsigned
from adapters.sandbox.market import Bar, Market, Name, Number
from adapters.sandbox.sessions import newest

ROWS_A_PAGE = 100
CONDITIONS = ("PRICECUR", "RATE", "VALX", "SHAR", "VOLUME", "AMT", "EPS", "PER")
#: Results kept: one a set of conditions and moment.
_KEPT = 16

#: A condition's name, its least and its greatest value; None where that end is open.
Range = tuple[str, Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True)
class _Found:
    """One name that traded in the session of the search, or last of all where the market stands still; value as of its bar."""

    name: Name
    bar: Bar
    shares: int
    value: int

    def measure(self, condition: str, scale: int) -> Number | float:
        """What a condition compares: currency, per cent, thousands of currency (VALX, AMT) or of shares (SHAR)."""
        bar = self.bar
        measures: dict[str, Number | float] = {
            "PRICECUR": Decimal(bar.close) / scale,
            "RATE": float((bar.close - bar.base) * 100 / bar.base) if bar.base else 0.0,
            "VALX": self.value // 1000,
            "SHAR": Decimal(self.shares) / 1000,
            "VOLUME": bar.volume,
            "AMT": Decimal(bar.amount) / 1000,
        }
        return measures.get(condition, 0)  # there are no accounts here: earnings are 0


class Search:
    """The condition search over the markets of KIS's regions; results are worked out once a moment and then paged."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets
        self._lock = threading.Lock()
        self._results: dict[tuple[str, str, tuple[Range, ...]], list[_Found]] = {}

    def page(self, params: Mapping[str, str], now: datetime) -> Quote:
        """At most 100 rows by rank. With tr_cont N the page after rank KEYB; the answer's tr_cont tells of more."""
        code = field(params, "EXCD")
        ranges = tuple(limits for name in CONDITIONS if (limits := _range(params, name)) is not None)
        after = _after(params)
        exchange = EXCHANGES.get(code)
        if exchange is None:
            head = {"zdiv": "", "stat": "", "crec": "0", "trec": "0", "nrec": "0"}
            return Quote({"output1": head, "output2": []}, 0, code)
        found = self._result(exchange, ranges, now)
        rows = [self._row(exchange, at, rank) for rank, at in enumerate(found[after : after + ROWS_A_PAGE], after + 1)]
        count = str(len(rows))
        head = {
            "zdiv": str(exchange.decimals),
            "stat": exchange.freshness,
            "crec": count,
            "trec": str(len(found)),
            "nrec": count,
        }
        more = after + ROWS_A_PAGE < len(found)
        cont = ("M" if after else "F") if more else ("D" if after else "")
        return Quote({"output1": head, "output2": rows}, len(rows), code, cont=cont)

    def _result(self, exchange: Exchange, ranges: tuple[Range, ...], now: datetime) -> list[_Found]:
        """What fits the conditions in the newest session, by value; the same list for every page of a moment."""
        venue = self._markets[exchange.region].calendar_of(exchange.venue)
        session = newest(venue, now)
        moment = f"{now:%Y%m%d%H%M}" if now < venue.session(session).close else f"{session}"
        key = (exchange.code, moment, ranges)
        with self._lock:
            if key not in self._results:
                while len(self._results) >= _KEPT:
                    self._results.pop(next(iter(self._results)))
                self._results[key] = self._search(exchange, ranges, session, now)
            return self._results[key]

    def _search(self, exchange: Exchange, ranges: tuple[Range, ...], session: date, now: datetime) -> list[_Found]:
        market, found = self._markets[exchange.region], []
        for name in market.names(now):
            if name.venue != exchange.venue:
                continue
            shares = share_count(name, market.steps(name.code, now))
            if not _may_fit(market.reference(name.code, now)[0], shares, market.scale, ranges):
                continue
            bars = market.bars(name.code, date.min if market.stands_still else session, session, now, 1)
            if not bars or not (bars[0].volume or market.stands_still):
                continue
            hit = _Found(name, bars[0], shares, int(bars[0].close * shares // market.scale))
            if all(_fits(hit.measure(condition, market.scale), least, most) for condition, least, most in ranges):
                found.append(hit)
        return sorted(found, key=lambda hit: (-hit.value, hit.name.code))

    def _row(self, exchange: Exchange, found: _Found, rank: int) -> dict[str, Any]:
        name, bar = found.name, found.bar
        scale, decimals = self._markets[exchange.region].scale, exchange.decimals
        return {
            "rsym": f"D{exchange.code}{name.code}",
            "excd": exchange.code,
            "symb": name.code,
            "name": name.name,
            "last": money(bar.close, scale, decimals),
            "sign": direction(bar.close, bar.base),
            "diff": unsigned(bar.close - bar.base, scale, decimals),
            "rate": rate(bar.close, bar.base),
            "tvol": str(bar.volume),
            "popen": money(bar.open, scale, decimals),
            "phigh": money(bar.high, scale, decimals),
            "plow": money(bar.low, scale, decimals),
            "valx": str(found.value // 1000),
            "shar": str(found.shares),
            "avol": str(bar.amount),
            "eps": "0.00",
            "per": "0.00",
            "rank": str(rank),
            "ename": name.english or name.name,
            "e_ordyn": "○" if exchange.tradable(name.group, name.currency, found.value) else "",
        }


def _range(params: Mapping[str, str], condition: str) -> Range | None:
    """The range of a condition that is in use (CO_YN_… "1"); a blank end is open."""
    if params.get(f"CO_YN_{condition}", "").strip() != "1":
        return None
    ends = []
    for part in ("ST", "EN"):
        text = params.get(f"CO_{part}_{condition}", "").strip()
        try:
            number = Decimal(text) if text else None
        except InvalidOperation:
            raise invalid(f"CO_{part}_{condition}") from None
        if number is not None and not number.is_finite():
            raise invalid(f"CO_{part}_{condition}")
        ends.append(number)
    return condition, ends[0], ends[1]


def _after(params: Mapping[str, str]) -> int:
    """The rank after which the page begins: KEYB counts only where the request says that it goes on."""
    key = params.get("KEYB", "").strip()
    if params.get(CONT) != "N" or not key:
        return 0
    if not key.isdecimal():
        raise invalid("KEYB")
    return int(key)


def _fits(value: Number | float, least: Decimal | None, most: Decimal | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def _may_fit(price: Number, shares: int, scale: int, ranges: tuple[Range, ...]) -> bool:
    """Whether a name near this price may have a value in range; spares drawing the bars of the many that have not."""
    thousands = price * shares / (scale * 1000)
    return all(
        _fits(thousands * 2, least, None) and _fits(thousands / 2, None, most)
        for condition, least, most in ranges
        if condition == "VALX"
    )
