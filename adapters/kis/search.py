"""KIS's overseas condition search: what the names of an exchange are worth, and which of them can be bought there.

The only bulk source of market values. It is filtered by value, so that a sweep is as long as the universe and not as the
exchange's list. Names that have not traded in the session it shows are missing from it (field table, overview). What can be
bought (`e_ordyn`) is in Shanghai and Shenzhen what Stock Connect lets foreigners buy: KIS trades there by that way alone.

Units on the wire: value in thousands of the exchange's currency. The field table says that share counts are in thousands,
its example shows plain shares: each row is asked itself, since its price times its shares is its value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from adapters.base import Capability
from adapters.kis.rows import LARGEST_COUNT, Refusals, RowError, count, optional, price, text
from adapters.kis.wire import OVERSEAS_SEARCH, Wire
from pipeline.errors import Unavailable

#: Market value in the major currency unit, and shares; None where the provider does not know.
Worth = tuple[float | None, int | None]

_ROWS_PER_PAGE = 100
_VALUE_UNIT = 1_000
#: No exchange has that many pages: the largest of June 2025 lists 4,626 names.
_MOST_PAGES = 200
#: While the market trades, a name may change its place between two pages and be missed: a second sweep finds it.
_SWEEPS = 2
#: Rows that can't be read: above this share it is another layout, not a few bad rows. One row always may be bad.
_BAD_SHARE = 0.05
#: The conditions of the search; only VALX is used. An unused one is sent blank, as in the field table's example.
_CONDITIONS = ("PRICECUR", "RATE", "VALX", "SHAR", "VOLUME", "AMT", "EPS", "PER")
#: As long as the field may be: a quadrillion of the currency. Of dong that is some 38 billion USD, and a larger name is missed:
#: followed so far or on the watchlist it stays, without a value.
_NO_CEILING = "9" * 12
#: What `e_ordyn` says of a name that can be bought: the example's sign, and the field table's letter.
_CAN_BE_BOUGHT = frozenset({"○", "O"})


@dataclass(frozen=True)
class Valuation:
    """Worth by our ticker, the tickers that can be bought, and the rows that could not be taken (REFUSED)."""

    worth: Mapping[str, Worth]
    buyable: frozenset[str]
    refused: pl.DataFrame


def values(
    wire: Wire,
    exchange: str,
    tickers: Mapping[str, str],
    *,
    floor: float | None,
    region: str,
    provider: str,
    partial_lists: bool = False,
) -> Valuation:
    """What the names of `exchange` (KIS's code) are worth from `floor` (major currency unit) up; None: all that trade.

    `tickers` maps the symbols of the exchange's list to ours; a row about another symbol is refused. Unavailable for a
    sweep that brings fewer names than the answer itself counts, for a layout that can't be read, and for no name at all:
    each would be a hole in the universe that nobody sees. `partial_lists` lets there be no name at all: a sandbox may be
    that small. `refused` holds the rows of every sweep, the same row of two sweeps once. Unsupported or Unavailable as the
    wire says.
    """
    worth: dict[str, Worth] = {}
    buyable: set[str] = set()
    told: set[str] = set()
    refusals = Refusals(region, None, provider)
    what = f"{provider}: value search of {exchange}"
    for _ in range(_SWEEPS):
        sweep = _Sweep(exchange, tickers, refusals)
        _run(wire, sweep, floor)
        worth = {**worth, **sweep.worth}
        buyable |= sweep.buyable
        told |= sweep.told
        names = len(told) + sweep.nameless
        if sweep.bad > max(1, _BAD_SHARE * sweep.rows):
            raise Unavailable(f"{what}: {sweep.bad} of {sweep.rows} rows can't be read")
        whole = sweep.expected is not None and names >= sweep.expected
        # One answer without a name is not believed.
        if whole and worth:
            return Valuation(worth, frozenset(buyable), _once(refusals))
    if not whole:
        counts = "none that can be read" if sweep.expected is None else sweep.expected
        raise Unavailable(f"{what}: {names} names in {sweep.pages} pages, where the answer counts {counts}")
    if not partial_lists:
        raise Unavailable(f"{what}: not one name of its list has a value")
    return Valuation(worth, frozenset(buyable), _once(refusals))


def _once(refusals: Refusals) -> pl.DataFrame:
    """Each refused row once: a second sweep meets most of them again."""
    return refusals.frame().unique(maintain_order=True)


@dataclass
class _Sweep:
    """The rows of all pages of one search."""

    exchange: str
    tickers: Mapping[str, str]
    refusals: Refusals
    worth: dict[str, Worth] = field(default_factory=dict)
    buyable: set[str] = field(default_factory=set)
    #: Symbols that the answers told of, taken or refused with a reason.
    told: set[str] = field(default_factory=set)
    ranks: set[int] = field(default_factory=set)
    nameless: int = 0
    bad: int = 0
    rows: int = 0
    pages: int = 0
    #: The most names that an answer counted; None while none did.
    expected: int | None = None
    _read: dict[str, Worth] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        """Pages after which a provider that has ever more is left."""
        return min(_MOST_PAGES, 2 * -(-(self.expected or 0) // _ROWS_PER_PAGE) + 4)

    def take(self, head: Mapping[str, Any], rows: Sequence[Any]) -> bool:
        """Read a page; whether it told of a symbol that was not known before."""
        self.pages += 1
        with suppress(RowError):
            self.expected = max(self.expected or 0, count(head, "trec"))
        before = len(self.told)
        for row in rows:
            if row != {}:
                self.rows += 1
                self._row(row)
        return len(self.told) > before

    def _row(self, row: Any) -> None:
        symbol = ""
        try:
            if not isinstance(row, dict):
                raise RowError("unparsable", f"a JSON {type(row).__name__} where a row belongs")
            symbol = text(row, "symb")
            self._is_of_the_exchange(row, symbol)
            rank = count(row, "rank")
            read = _worth(row)
            if self._read.setdefault(symbol, read) != read:
                raise RowError("duplicate_row", f"{symbol} came a second time with other values; the first are kept")
            if rank in self.ranks and symbol not in self.told:
                raise RowError("duplicate_rank", f"rank {rank} was another name's before")
            self.ranks.add(rank)
            self.told.add(symbol)
            if symbol not in self.tickers:
                raise RowError("not_listed", f"{symbol} is not on the list of {self.exchange}")
            self.worth[self.tickers[symbol]] = read
            if optional(row, "e_ordyn") in _CAN_BE_BOUGHT:
                self.buyable.add(self.tickers[symbol])
        except RowError as error:
            if error.rule in ("unparsable", "missing_field"):
                self.bad += 1
                self.nameless += not symbol
                self.told |= {symbol} - {""}
            self.refusals.add(error.rule, str(error), row, ticker=self.tickers.get(symbol, symbol) or None)

    def _is_of_the_exchange(self, row: Mapping[str, Any], symbol: str) -> None:
        """Rows of another exchange are never counted: an answer that is another's must not pass for a whole one."""
        exchange = text(row, "excd")
        if exchange != self.exchange:
            raise RowError("wrong_venue", f"{symbol} is of {exchange}, asked was {self.exchange}")
        known = optional(row, "rsym")
        if known and known != f"D{exchange}{symbol}":
            raise RowError("wrong_ticker", f"{symbol} of {exchange} comes as {known!r}")


def _run(wire: Wire, sweep: _Sweep, floor: float | None) -> None:
    """All pages, until the answer's header says that there is no more, or one brings nothing new."""
    conditions = {f"CO_{part}_{name}": "" for name in _CONDITIONS for part in ("YN", "ST", "EN")}
    conditions |= {
        "CO_YN_VALX": "1",
        "CO_ST_VALX": str(int((floor or 0) // _VALUE_UNIT)),
        "CO_EN_VALX": _NO_CEILING,
    }
    last = 0
    while sweep.pages == 0 or sweep.pages < sweep.longest:
        part = wire.part(
            OVERSEAS_SEARCH,
            {"AUTH": "", "EXCD": sweep.exchange, **conditions, "KEYB": str(last) if last else ""},
            capability=Capability.UNIVERSE,
            subject=f"values of {sweep.exchange}",
            following=last > 0,
        )
        new = sweep.take(part.body["output1"], part.body["output2"])
        highest = max(sweep.ranks, default=0)
        if not part.more or not new or highest <= last:
            return
        last = highest


def _worth(row: Mapping[str, Any]) -> Worth:
    """Value and shares of one row."""
    value = price(row, "valx", _VALUE_UNIT)
    shares = count(row, "shar") if optional(row, "shar") else 0
    last = price(row, "last") if optional(row, "last") else 0.0
    return value or None, _shares(value, last, shares)


def _shares(value: float, last: float, shares: int) -> int | None:
    """The count in the unit in which price times shares is the value; None where neither unit does."""
    if not value or not last or not shares:
        return None
    for unit in (1, _VALUE_UNIT):
        if 0.5 < value / (last * shares * unit) < 2:
            return shares * unit if shares * unit <= LARGEST_COUNT else None
    return None
