"""Which security a line of KIS's overseas lists is: INSTRUMENTS' `security_type`.

The lists tell stock from exchange-traded product and no more. Where symbols tell the rest, a table of rules does it
(`type_rules.py`: CN, HK, JP, VN). In the US preferred series, debentures, units, warrants, depositary receipts and REITs are
all "2, stock", and their names tell: KIS's Korean name carries a word of its own for each, the English name the exchange's.
The rules stand in the order they are asked, so what comes first wins. They were read off the real lists of New York, Nasdaq
and American of October 2025 (11,571 lines) and counted there by the tests.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from adapters.kis.type_rules import ruled_type, rules

_COMMON = "common"
_OTHER = "other"
_REIT = "reit"
_FUND = "fund"

# Security types of the list (`stis`): 1 index, 2 stock, 3 exchange-traded product, 4 warrant.
_STOCK, _PRODUCT, _WARRANT = "2", "3", "4"

#: Exchange-traded products by `etyp`. 001 ETF, 002 ETN, 003 commodity, 004 is called "others" and holds closed-end funds and
#: metal trusts (380 lines; not a REIT among them), 005 and 006 volatility as ETF and ETN. 000 is unset: the name decides.
_PRODUCTS = {"001": "etf", "002": "etn", "003": "etf", "004": _FUND, "005": "etf", "006": "etn"}
#: Names of the unset ones that are closed-end funds; every ETF there calls itself one or names its trust.
_CLOSED_END = re.compile(r"\b(FUND|FD|CORP)\b", re.ASCII)
#: One ETF stands among the notes (JPHY).
_ETF = re.compile(r"\bETF\b", re.ASCII)

#: Words of KIS's Korean names. Receipts first: a receipt on preferred stock or on units is a receipt. A debenture is `other`,
#: and so is a unit.
_KOREAN = (
    (re.compile(r"\b(ADR|ADS|GDR)\b", re.ASCII), "depositary_receipt"),
    (re.compile("우선주"), "preferred"),
    (re.compile("채권"), _OTHER),
    (re.compile("유닛"), _OTHER),
    (re.compile("워런트"), "warrant"),
)

#: Words of the English names, for listings whose Korean name is the English one. Each stands after the issuer's name, so that
#: ADS-TEC Energy and Preferred Bank stay what they are. Percent and "CUM" mark preferred stock whose word was cut off at
#: 60 characters; notes, which have a percentage too, come first.
_ENGLISH = (
    (re.compile(r".\b(ADR|ADS|GDR|GDS)\b", re.ASCII), "depositary_receipt"),
    (re.compile(r".\b(NTS|NOTES|DEB|DEBENTURES?|BDS|BONDS?|ASSET BKD)\b", re.ASCII), _OTHER),
    (re.compile(r".\b(PFD|PREF|PRF|PREFERRED|CUM|CUMULATIVE)\b|\d%", re.ASCII), "preferred"),
    (re.compile(r".\bUNITS?\b", re.ASCII), _OTHER),
    (re.compile(r".(\bC/WTS\b|\bWTS?\b|\bWARRANTS?\b)", re.ASCII), "warrant"),
    (re.compile(r".\b(RTS?|RIGHTS?)\b", re.ASCII), "right"),
)

#: Symbols whose name says nothing. Behind the slash: units, warrants, rights, a series without a letter. Nasdaq has no slash
#: but a fifth letter (Nasdaq's list of fifth-character identifiers): only those that no class of stock uses are taken.
_SUFFIXES = (
    (re.compile(r"[A-Z]+/(UN?)", re.ASCII), _OTHER),
    (re.compile(r"[A-Z]+/(WS|WT|WS[A-Z])", re.ASCII), "warrant"),
    (re.compile(r"[A-Z]+/(RT|RI)", re.ASCII), "right"),
    (re.compile(r"[A-Z]+/", re.ASCII), "preferred"),
)
_FIFTH_LETTERS = {"U": _OTHER, "W": "warrant", "R": "right"}
_NASDAQ = "XNAS"

#: Symbols that the exchanges keep for tests of their systems (ZVZZT, NTEST, …).
_TEST = re.compile(r"Z[A-Z]ZZT|[ACMNPZ]TEST(/[A-Z])?|ZBZX|ZTST", re.ASCII)

#: Closed-end funds listed as stock. Business development companies are operating companies on the exchange and stay common.
_STOCK_FUND = re.compile(r"\b(FUND|TERM TRUST)\b", re.ASCII)

#: Words of a REIT's name. The list's sector 630 does not help: it holds REITs, home builders, brokers and developers alike,
#: and every newer REIT has no sector at all (000).
_REIT_WORDS = re.compile(
    r"\bREIT\b|\b(REALTY|RLTY|RTLY|PROPERTY|PROPERTIES|PROPERTES|PPTYS?|LODGING)\b|\b(REAL|RL) ESTA"
    r"|\bMORTGAGE (TRUST|INV|CAPITAL)",
    re.ASCII,
)
#: Types of the stocks whose names say something else, or nothing: REITs not called one, companies called as if they were one,
#: lenders called funds. A REIT that does not stand there yet is common stock. It is followed all the same by the US
#: rule as it is shipped, which takes both types.
_TYPES = Path(__file__).with_name("us_security_types.csv")


def security_type(venue: str, symbol: str, korean: str, english: str, stis: str, etyp: str, lot: str = "") -> str:
    """One of INSTRUMENTS' types for a line of `venue`'s list: symbol, both names, the list's own two type fields, the lot."""
    if venue in rules():
        fields = {"symbol": symbol, "english": english, "type": etyp, "lot": lot}
        return ruled_type(venue, stis, fields) or ("warrant" if stis == _WARRANT else _OTHER)
    if _TEST.fullmatch(symbol):
        return _OTHER
    if stis == _PRODUCT:
        return _product(english, etyp)
    if stis == _WARRANT:
        return "warrant"
    if stis != _STOCK:
        return _OTHER
    return _named(korean, english) or _suffixed(venue, symbol) or _equity(symbol, korean, english)


def _product(english: str, etyp: str) -> str:
    """Type of an exchange-traded product."""
    if etyp == "002" and _ETF.search(english):
        return "etf"
    if etyp in _PRODUCTS:
        return _PRODUCTS[etyp]
    return _FUND if _CLOSED_END.search(english) else "etf"


def _named(korean: str, english: str) -> str | None:
    """Type by a word of the names; the Korean one first, it is never cut off."""
    for word, kind in _KOREAN:
        if word.search(korean):
            return kind
    for word, kind in _ENGLISH:
        if word.search(english) or word.search(korean):
            return kind
    return None


def _suffixed(venue: str, symbol: str) -> str | None:
    """Type by the end of the symbol."""
    for suffix, kind in _SUFFIXES:
        if suffix.fullmatch(symbol):
            return kind
    if venue == _NASDAQ and len(symbol) == 5:
        return _FIFTH_LETTERS.get(symbol[-1])
    return None


def _equity(symbol: str, korean: str, english: str) -> str:
    """Common stock, a REIT's, or shares of a fund."""
    if symbol in _types():
        return _types()[symbol]
    if _STOCK_FUND.search(english) or _STOCK_FUND.search(korean):
        return _FUND
    return _REIT if _REIT_WORDS.search(english) else _COMMON


@cache
def _types() -> Mapping[str, str]:
    """Type by symbol, where the name misleads."""
    with _TYPES.open(encoding="utf-8", newline="") as file:
        return {row["symbol"]: row["type"] for row in csv.DictReader(file)}
