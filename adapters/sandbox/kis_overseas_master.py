"""KIS master files of overseas exchanges: nasmst, nysmst, amsmst, hksmst, shsmst, szsmst, tsemst, hsxmst, hnxmst .cod.zip.

cp949, 24 fields with TABs between them, LF, no header; one member, its name in upper case (kis.md section 10). The
price is the last close with the exchange's decimals, the currency the listing's. Names are cut to the bytes of the
longest one in the real files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from adapters.sandbox.kis_exchanges import EXCHANGES, Exchange
from adapters.sandbox.kis_master import Entry, cut, zipped
from adapters.sandbox.kis_overseas_bars import money

FILES = {f"{exchange.code.lower()}mst.cod.zip": exchange for exchange in EXCHANGES.values()}
#: Words of a real estate trust's English name, and the sector KIS gives such a company (seen in the files of October 2025).
_REAL_ESTATE = ("REIT", "REALTY", "PROPERT", "REAL ESTATE", "INVESTMENT CORPORATION", "BUILDING FUND")
_REAL_ESTATE_SECTOR = "630"


def master_zip(file_name: str, entries: Sequence[Entry], today: date, scale: int) -> bytes:
    """The zipped master file of one exchange: `entries` are that exchange's, prices currency × `scale`."""
    exchange = FILES[file_name]
    lines = b"".join(_line(exchange, entry, scale) for entry in sorted(entries, key=lambda entry: entry.name.code))
    return zipped(f"{exchange.code}MST.COD", lines, today)


def _line(exchange: Exchange, entry: Entry, scale: int) -> bytes:
    name, decimals = entry.name, exchange.decimals
    english = name.english or name.name
    # Trusts are stocks in the US and Japan, products of the kind 004 in Hong Kong.
    company = name.group == "2" or name.etyp == "004"
    estate = company and any(word in english.upper() for word in _REAL_ESTATE)
    fields = (
        *(exchange.country.letters, exchange.exid, exchange.code, exchange.name, name.code, exchange.code + name.code),
        *(cut(name.name, exchange.name_bytes[0]), cut(english, exchange.name_bytes[1]), name.group),
        *(name.currency or exchange.currency, str(decimals), "", money(entry.price, scale, decimals)),
        *(str(name.lot), str(exchange.sell_lot or name.lot), *exchange.hours, "N", ""),
        *(_REAL_ESTATE_SECTOR if estate else "000", "0", exchange.steps.get(name.etyp, "0"), name.etyp.ljust(3), "   "),
    )
    return b"\t".join(field if isinstance(field, bytes) else field.encode("cp949") for field in fields) + b"\n"
