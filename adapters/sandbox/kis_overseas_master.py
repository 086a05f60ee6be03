"""KIS master files of overseas exchanges: nasmst, nysmst and amsmst .cod.zip.

cp949, 24 fields with TABs between them, LF, no header; one member, its name in upper case (kis.md section 10). The
price is the last close with four decimals. Names longer than their field are cut as KIS cuts them: 60 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from adapters.sandbox.kis_exchanges import EXCHANGES, Exchange
from adapters.sandbox.kis_master import Entry, cut, zipped
from adapters.sandbox.kis_overseas_bars import money

FILES = {f"{exchange.code.lower()}mst.cod.zip": exchange for exchange in EXCHANGES.values()}
_NAME_BYTES = 60
#: Words of a real estate trust's name, and the sector KIS gives such a company (seen in the files of October 2025).
_REAL_ESTATE = ("REIT", "REALTY", "PROPERT")
_REAL_ESTATE_SECTOR = "630"


def master_zip(file_name: str, entries: Sequence[Entry], today: date, scale: int) -> bytes:
    """The zipped master file of one exchange: `entries` are that exchange's, prices currency × `scale`."""
    exchange = FILES[file_name]
    lines = b"".join(_line(exchange, entry, scale) for entry in sorted(entries, key=lambda entry: entry.name.code))
    return zipped(f"{exchange.code}MST.COD", lines, today)


def _line(exchange: Exchange, entry: Entry, scale: int) -> bytes:
    name = entry.name
    english = name.english or name.name
    estate = name.group == "2" and any(word in english for word in _REAL_ESTATE)
    fields = (
        *("US", exchange.exid, exchange.code, exchange.name, name.code, exchange.code + name.code),
        *(name.name, english, name.group, "USD", "4", "", money(entry.price, scale), str(name.lot), str(name.lot)),
        *("930", "1600", "N", "", _REAL_ESTATE_SECTOR if estate else "000", "0", "0", name.etyp.ljust(3), "   "),
    )
    return b"\t".join(cut(field, _NAME_BYTES) for field in fields) + b"\n"
