"""KOSPI and KOSDAQ master files into instruments.

One zip per market with one member: a listing a line, cp949 BYTES of fixed width. A name of double-byte characters
shifts decoded text, so fields are cut from bytes, and the tail from the end of the line. Layout: the provider's own
header files, checked against real files of June 2025 (2,443 and 1,803 lines).
"""

from __future__ import annotations

import datetime as dt
import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from adapters.base import INSTRUMENTS, Universe
from adapters.kis.rows import Refusals, RowError
from pipeline.errors import Transient, Unavailable

_HEAD = (9, 12, 40)
_LARGEST_MEMBER = 64 * 1024 * 1024
#: Lines of another width than the layout's: above this share it is another layout, not a few bad lines.
_BAD_SHARE = 0.05


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


def unzip(archive: bytes, file: str) -> bytes:
    """The archive's single member; Transient for an archive that is cut or damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = opened.infolist()
            if len(members) != 1:
                raise Transient(f"kis {file}: {len(members)} members where one belongs")
            if members[0].file_size > _LARGEST_MEMBER:
                raise Transient(f"kis {file}: its member claims {members[0].file_size} bytes")
            return opened.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Transient(f"kis {file}: {len(archive)} bytes that are no whole zip ({error})") from error


def read(masters: Mapping[str, bytes], region: str, currency: str, provider: str, *, gaps: bool = False) -> Universe:
    """Instruments of all lists (`masters`: unzipped file by venue MIC), in the order of the lists.

    `shares` counts shares (the list: thousands), `value` is in won (the list: 100 million). `name` is null: the lists
    hold Korean names only. A line that can't be read is refused. Unavailable for a list without a line or of another
    layout.
    `gaps` lets a list be empty as long as another is not: a sandbox need not hold both markets, a real one does.
    """
    rows: list[tuple[object, ...]] = []
    refusals = Refusals(region, None, provider)
    seen: set[object] = set()
    for venue, content in masters.items():
        if gaps and not content.strip() and any(other.strip() for other in masters.values()):
            continue
        rows.extend(_lines(MASTERS[venue], content, seen, refusals))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 11
    size = len(rows)
    instruments = pl.DataFrame(
        {
            "region": [region] * size,
            "ticker": columns[0],
            "venue": columns[1],
            "name": [None] * size,
            "local_name": columns[2],
            "security_type": columns[3],
            "currency": [currency] * size,
            "isin": columns[4],
            "lot": columns[5],
            "listed_from": columns[6],
            "shares": columns[7],
            "value": columns[8],
            "halted": columns[9],
            "sector_code": columns[10],
            "provider": [provider] * size,
        },
        schema=INSTRUMENTS,
    )
    return Universe(instruments=instruments, refused=refusals.frame())


def _lines(master: Master, content: bytes, seen: set[object], refusals: Refusals) -> list[tuple[object, ...]]:
    """One list's rows; `seen` holds the tickers of the lists before it and gains this one's."""
    lines = [line for line in content.replace(b"\r\n", b"\n").split(b"\n") if line.strip()]
    width = sum(_HEAD) + master.tail
    wrong = sum(len(line) != width for line in lines)
    if not lines or wrong > _BAD_SHARE * len(lines):
        raise Unavailable(
            f"kis {master.file}: {len(lines)} lines, {wrong} of them not {width} bytes wide: "
            "the list is empty or its layout has changed; no universe is made of it"
        )
    rows: list[tuple[object, ...]] = []
    for line in lines:
        try:
            row = _line(master, line, width)
            if row[0] in seen:
                raise RowError(
                    "duplicate_row", f"{row[0]} was listed before, in this list or another; the first is kept"
                )
        except RowError as error:
            ticker = line[: _HEAD[0]].decode("ascii", "replace").strip() or None
            refusals.add(error.rule, f"{master.file}: {error}", line.decode("cp949", "replace"), ticker=ticker)
            continue
        seen.add(row[0])
        rows.append(row)
    return rows


def _line(master: Master, line: bytes, width: int) -> tuple[object, ...]:
    """One listing: ticker, venue, local name, type, ISIN, lot, listed from, shares, value, halted, sector code."""
    if len(line) != width:
        raise RowError("unparsable", f"a line of {len(line)} bytes where {width} belong")
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
    return (
        ticker.decode("ascii"),
        master.venue,
        name,
        security_type,
        head[9:21].decode("ascii", "replace").strip() or None,
        _number(cut(master.lot), "lot") or None,
        _listed_from(cut(master.listed_from)),
        None if shares is None else shares * 1_000,
        None if value is None else value * 1e8,
        halted == b"Y",
        _sector(tail),
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
