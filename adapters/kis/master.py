"""KOSPI and KOSDAQ master files into instruments.

One zip per market with one member: a listing a line, cp949 BYTES of fixed width. A name of double-byte characters
shifts decoded text, so fields are cut from bytes, and the tail from the end of the line. Layout: the provider's own
header files, checked against real files of June 2025 (2,443 and 1,803 lines).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.base import Universe
from adapters.kis.archive import Entry, universe
from adapters.kis.rows import RowError

_HEAD = (9, 12, 40)


@dataclass(frozen=True)
class Master:
    """Layout of one market's file. Offsets count from the start of the tail; every field is (offset, width)."""

    file: str
    venue: str
    tail: int
    lot: tuple[int, int]
    halted: tuple[int, int]
    listed_from: tuple[int, int]
    shares: tuple[int, int]
    preferred: tuple[int, int]
    value: tuple[int, int]

    @property
    def width(self) -> int:
        """Bytes of a line."""
        return sum(_HEAD) + self.tail

    @property
    def shape(self) -> str:
        """What every line is, for messages."""
        return f"{self.width} bytes wide"

    def fits(self, line: bytes) -> bool:
        """Whether the line is as wide as the layout."""
        return len(line) == self.width

    def code(self, line: bytes) -> str | None:
        """What stands where the short code belongs."""
        return line[: _HEAD[0]].decode("ascii", "replace").strip() or None


def _layout(file: str, venue: str, flags: int, before_sales: int) -> Master:
    """The layouts differ in the number of flags and of the one-byte fields between the preferred flag and the sales."""
    widths = (
        (2, 1, 4, 4, 4, *(1,) * flags, 9, 5, 5, 1, 1, 1, 2, 1, 1, 1, 2, 2, 2, 3, 1, 3, 12, 12, 8, 15, 21, 2, 7, 1)
        + (1,) * before_sales
        + (9, 9, 9, 5, 9, 8, 9, 3, 1, 1, 1)
    )
    starts = [sum(widths[:index]) for index in range(len(widths))]

    def at(index: int) -> tuple[int, int]:
        return starts[index], widths[index]

    base = 5 + flags
    return Master(
        file=file,
        venue=venue,
        tail=sum(widths),
        lot=at(base + 1),
        halted=at(base + 3),
        listed_from=at(base + 18),
        shares=at(base + 19),
        preferred=at(base + 23),
        value=at(len(widths) - 5),
    )


#: By venue MIC. KOSPI: tail of 227 bytes, line of 288; KOSDAQ: 221 and 282.
MASTERS: Mapping[str, Master] = {
    "XKRX": _layout("kospi_code.mst.zip", "XKRX", flags=26, before_sales=4),
    "XKOS": _layout("kosdaq_code.mst.zip", "XKOS", flags=21, before_sales=3),
}

#: Security groups of the tail's first field; `ST` is common or preferred by its flag. Source: code list of the field
#: scty_grp_id_cd of the provider's stock information call; EW (ELW) and FE from the header files.
_GROUPS: Mapping[bytes, str] = {
    b"ST": "common",
    b"RT": "reit",
    b"EF": "etf",
    b"FE": "etf",
    b"EN": "etn",
    b"DR": "depositary_receipt",
    b"FS": "foreign",
    b"MF": "fund",
    b"BC": "fund",
    b"IF": "fund",
    b"SC": "fund",
    b"TC": "fund",
    b"EW": "warrant",
    b"SW": "warrant",
    b"SR": "right",
}
_OTHER = "other"


def read(masters: Mapping[str, bytes], region: str, currency: str, provider: str, *, partial_lists: bool = False) -> Universe:
    """Instruments of all lists, as `archive.universe` makes them.

    `shares` counts shares (the list: thousands), `value` is in won (the list: 100 million). `name` is null: the lists
    hold Korean names only.
    """
    return universe(masters, MASTERS, _entry, region, currency, provider, partial_lists=partial_lists)


def _entry(master: Master, line: bytes, currency: str) -> Entry:
    """One listing of a line as wide as the layout says."""
    head, tail = line[: -master.tail], line[-master.tail :]

    def cut(at: tuple[int, int]) -> bytes:
        return tail[at[0] : at[0] + at[1]].strip()

    ticker = head[:9].strip()
    if not ticker.isalnum():
        raise RowError("unparsable", f"short code {ticker!r} is not alphanumeric")
    try:
        name = head[21:].decode("cp949").strip()
    except UnicodeDecodeError as error:
        raise RowError("unparsable", f"the name is not cp949: {head[21:]!r}") from error
    halted = cut(master.halted)
    if halted not in (b"Y", b"N"):
        raise RowError("unparsable", f"halt flag is {halted!r}, not Y or N")
    shares, value = _number(cut(master.shares), "listed shares"), _number(cut(master.value), "market value")
    security_type = _GROUPS.get(tail[:2], _OTHER)
    if security_type == "common" and cut(master.preferred) not in (b"0", b""):
        security_type = "preferred"
    return Entry(
        ticker=ticker.decode("ascii"),
        venue=master.venue,
        name=None,
        local_name=name,
        security_type=security_type,
        currency=currency,
        isin=head[9:21].decode("ascii", "replace").strip() or None,
        lot=_number(cut(master.lot), "lot") or None,
        listed_from=_listed_from(cut(master.listed_from)),
        shares=None if shares is None else shares * 1_000,
        value=None if value is None else value * 1e8,
        halted=halted == b"Y",
        sector_code=_sector(tail),
    )


def _number(digits: bytes, name: str) -> int | None:
    """A whole number; None where the field is blank."""
    if not digits:
        return None
    if not digits.isdigit():
        raise RowError("unparsable", f"{name} is {digits!r}, not a whole number")
    return int(digits)


def _listed_from(digits: bytes) -> dt.date | None:
    """The listing date; None where the field is blank or zeros."""
    if not digits.strip(b"0"):
        return None
    try:
        if len(digits) != 8 or not digits.isdigit():
            raise ValueError("eight digits belong there")
        return dt.date.fromisoformat(digits.decode("ascii", "replace"))
    except ValueError as error:
        raise RowError("unparsable", f"listing date is {digits!r}, not YYYYMMDD") from error


def _sector(tail: bytes) -> str | None:
    """The finest of the three index-sector codes (large, middle, small) that is set."""
    for code in (tail[11:15], tail[7:11], tail[3:7]):
        if code.strip(b"0 "):
            return code.decode("ascii", "replace").strip()
    return None
