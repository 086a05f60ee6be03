"""KIS master files of the domestic market: kospi_code, kosdaq_code and konex_code .mst.zip.

cp949, fixed width in bytes, LF: 9 short code, 12 ISIN, 40 Korean name, then a tail of 227 (KOSPI), 221 (KOSDAQ) or
184 (KONEX) bytes whose fields stand below in the order of kis.md section 10. Prices and amounts as KIS prints them:
price and face value in KRW, listed shares in thousands, capital in KRW, market value in 100 million KRW.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from datetime import date

from adapters.sandbox.market import Name, Number

FILES = {"kospi_code.mst.zip": "XKRX", "kosdaq_code.mst.zip": "XKOS", "konex_code.mst.zip": "XKON"}


@dataclass(frozen=True)
class Entry:
    """What one line of a master file says."""

    name: Name
    price: Number
    volume: Number
    shares: int
    halted: bool


def master_zip(file_name: str, entries: list[Entry], today: date) -> bytes:
    """The zipped master file of one venue: `entries` are that venue's, prices as of `today`."""
    venue = FILES[file_name]
    lines = b"".join(_line(venue, entry, today) for entry in sorted(entries, key=lambda e: e.name.code))
    return zipped(file_name.removesuffix(".zip"), lines, today)


def zipped(member_name: str, lines: bytes, today: date) -> bytes:
    """The archive of a master file, made in the morning of `today`."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(member_name, (today.year, today.month, today.day, 6, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, lines)
    return target.getvalue()


def isin(code: str) -> str:
    """The ISIN KRX builds from a short code, with its check digit (of an ETN: as the oldest ones have it)."""
    if code.startswith("Q"):
        body = f"KRG5{int(code[2:]):07d}"
    elif code.startswith("J"):
        body = f"KRA{code[1:]}"
    elif code.startswith("F"):
        body = f"KR5{code[1:]}"
    else:
        body = f"KR7{code}00"
    return checked(body)


def checked(body: str) -> str:
    """An ISIN's eleven characters with their check digit (ISO 6166)."""
    digits = "".join(str(int(character, 36)) for character in body)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled // 10 + doubled % 10
    return f"{body}{-total % 10}"


def _line(venue: str, entry: Entry, today: date) -> bytes:
    name = entry.name
    head = name.code.ljust(9).encode("cp949") + isin(name.code).encode() + cut(name.name, 40).ljust(40)
    tail = "".join(_tail(venue, entry, today)).encode("cp949")
    return head + tail + b"\n"


def _tail(venue: str, entry: Entry, today: date) -> list[str]:
    """The fields of the tail; widths are those of the venue's layout."""
    name = entry.name
    stock = name.group in ("ST", "RT")
    group = [name.group.ljust(2)]
    if venue == "XKRX":
        # size class, three sector codes, then 26 one-letter flags from manufacturing to the KRX sector indices
        group += ["3" if stock else " ", "0027" if stock else "0000", "0000", "0000"]
        group += list(" NN0NNN NNNNNNNNN0NNNNNNNN")
    elif venue == "XKOS":
        group += ["3" if stock else " ", "1009" if stock else "0000", "0000", "0000"]
        group += list("NNN NNNNNNNN0NNNNNNNN")
    trading = [
        f"{int(entry.price):09d}",
        f"{name.lot:05d}",
        "00001",
        "Y" if entry.halted else "N",
        "N",
        "N",
        "00",
        "N",
        "N",
        "N",
        "00",
        "00",
        "00",
        "040" if stock else "100",
        "Y" if stock else "N",
        "090",
        f"{int(entry.volume):012d}",
        f"{name.face:012d}",
        f"{name.listed:%Y%m%d}",
        f"{entry.shares // 1000:015d}",
        f"{entry.shares * name.face:021d}",
        "12" if stock else "00",
        " " * 7,
        "0",
    ]
    value = int(entry.price) * entry.shares // 100_000_000
    # flags after the preferred code, then the last accounts: none are invented
    flags = ["N", "N", "N", "N"] if venue == "XKRX" else ["N", "N", "N"]
    accounts = ["0" * 9, "0" * 9, "0" * 9, "0" * 5, "00000.00".zfill(9), f"{today.year - 1}1231" if stock else " " * 8]
    closing = [f"{value:09d}"]
    if venue != "XKON":
        closing.append("   ")
    closing += ["N", "N", "N"]
    return group + trading + flags + accounts + closing


def cut(text: str, width: int) -> bytes:
    """`text` in cp949, cut between characters to at most `width` bytes."""
    raw = b""
    for character in text:
        encoded = character.encode("cp949", errors="replace")
        if len(raw) + len(encoded) > width:
            break
        raw += encoded
    return raw
