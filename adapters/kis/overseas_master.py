"""KIS's overseas master files into instruments.

One zip per exchange with one member: a listing a line, cp949, 24 columns behind tabs, no header. Every exchange has the same
layout: a further one is a line of `exchanges.EXCHANGES`. Layout: the provider's own header file, checked against the real
files of nine exchanges of October 2025 (26,439 lines).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.base import Universe
from adapters.kis.archive import Entry, universe
from adapters.kis.exchanges import BY_VENUE, Exchange
from adapters.kis.rows import RowError, count
from adapters.kis.security_type import security_type
from adapters.kis.symbols import ticker

_COLUMNS = 24
# Places of the columns, from 0. The list knows no ISIN, no listing date, no shares, no value and no trading halt.
_EXCHANGE_NUMBER, _EXCHANGE, _SYMBOL, _QUOTED, _KOREAN, _ENGLISH = 1, 2, 4, 5, 6, 7
_SECURITY_TYPE, _CURRENCY, _LOT, _SECTOR, _PRODUCT_TYPE = 8, 9, 13, 19, 22

_CURRENCY_CODE = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True)
class OverseasMaster:
    """One exchange's file; its lines name the exchange by `code` and `number` (excd and exid)."""

    exchange: Exchange
    shape: str = f"{_COLUMNS} columns"

    @property
    def file(self) -> str:
        """Name of the archive."""
        return self.exchange.master

    def fits(self, line: bytes) -> bool:
        """Whether the line has the columns of the layout. (A tab is never part of a cp949 character.)"""
        return line.count(b"\t") == _COLUMNS - 1

    def code(self, line: bytes) -> str | None:
        """What stands where the symbol belongs."""
        columns = line.split(b"\t")
        return columns[_SYMBOL].decode("cp949", "replace").strip() or None if len(columns) > _SYMBOL else None


#: By venue MIC.
MASTERS: Mapping[str, OverseasMaster] = {venue: OverseasMaster(exchange) for venue, exchange in BY_VENUE.items()}


def read(masters: Mapping[str, bytes], region: str, currency: str, provider: str, *, partial_lists: bool = False) -> Universe:
    """Instruments of all lists, as `archive.universe` makes them.

    `name` is the English name, `local_name` the Korean one; `lot` the smallest number of shares to buy; `currency` is the
    line's own, `currency` given here where the line leaves it blank. ISIN, listing date, shares, market value and trading
    halts are null: the lists do not have them. A line of another exchange is refused (`wrong_venue`).
    """
    return universe(masters, MASTERS, _entry, region, currency, provider, partial_lists=partial_lists)


def _entry(master: OverseasMaster, line: bytes, currency: str) -> Entry:
    """One listing of a line of 24 columns."""
    try:
        columns = [column.strip() for column in line.decode("cp949").split("\t")]
    except UnicodeDecodeError as error:
        raise RowError("unparsable", f"the line is not cp949 ({error.reason} at byte {error.start})") from error
    symbol = columns[_SYMBOL]
    if not symbol:
        raise RowError("missing_field", "the symbol is empty")
    exchange = master.exchange
    if (columns[_EXCHANGE_NUMBER], columns[_EXCHANGE]) != (exchange.number, exchange.code):
        raise RowError(
            "wrong_venue",
            f"{symbol} is of exchange {columns[_EXCHANGE]!r} ({columns[_EXCHANGE_NUMBER]}), "
            f"not {exchange.code} ({exchange.number})",
        )
    if columns[_QUOTED] != exchange.code + symbol:
        raise RowError("unparsable", f"{symbol} is quoted as {columns[_QUOTED]!r}, not {exchange.code + symbol}")
    quoted_in = columns[_CURRENCY] or currency
    if not _CURRENCY_CODE.fullmatch(quoted_in):
        raise RowError("unparsable", f"{symbol}: currency is {quoted_in!r}, not three letters")
    kind = security_type(
        exchange.venue,
        symbol,
        columns[_KOREAN],
        columns[_ENGLISH],
        columns[_SECURITY_TYPE],
        columns[_PRODUCT_TYPE],
        columns[_LOT],
    )
    return Entry(
        ticker=ticker(symbol, kind),
        venue=exchange.venue,
        name=columns[_ENGLISH] or None,
        local_name=columns[_KOREAN] or None,
        security_type=kind,
        currency=quoted_in,
        isin=None,
        lot=count({"lot": columns[_LOT]}, "lot") or None if columns[_LOT] else None,
        listed_from=None,
        shares=None,
        value=None,
        halted=None,
        sector_code=columns[_SECTOR] if columns[_SECTOR].strip("0") else None,
    )
