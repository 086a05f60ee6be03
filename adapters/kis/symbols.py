"""KIS's spelling of names and ours. They differ in the US alone: the other exchanges' symbols are plain letters and digits.

KIS puts everything that follows the issuer's letters behind a slash: a class of common stock (`BRK/B`), a preferred series
(`ABR/D`), a unit (`LEGT/UN`), a debenture (`CNO/A`). We write the class of common stock with a dot (`BRK.B`) and the rest with
a hyphen (`ABR-D`, `LEGT-UN`), because other providers give both the same sign. A preferred series without a name ends in
the slash (`HWM/`): ours ends in `-PR`, not `-P`, for `USB/P` is a real series P.
"""

from __future__ import annotations

import re

from adapters.kis.rows import RowError

_COMMON = "common"
_NAMELESS = "PR"
_SYMBOL = re.compile(r"([0-9A-Z]+)(?:(/)([0-9A-Z]*))?", re.ASCII)
_TICKER = re.compile(r"([0-9A-Z]+)(?:[.-]([0-9A-Z]+))?", re.ASCII)


def ticker(symbol: str, security_type: str) -> str:
    """Our ticker of KIS's `symbol`; `security_type` (INSTRUMENTS) says whether what follows the slash is a class of stock.

    RowError `unparsable` for text that is no symbol, and for a series that is called as our nameless ones are.
    """
    parts = _SYMBOL.fullmatch(symbol)
    if parts is None:
        raise RowError("unparsable", f"symbol {symbol!r} is not letters and digits with at most one slash")
    root, slash, series = parts.groups()
    if not slash:
        return symbol
    if series == _NAMELESS:
        raise RowError("unparsable", f"symbol {symbol!r}: -{_NAMELESS} is our spelling of a series without a name")
    if not series:
        return f"{root}-{_NAMELESS}"
    return f"{root}{'.' if security_type == _COMMON else '-'}{series}"


def symbol(ticker: str) -> str:
    """KIS's symbol of our `ticker`: the inverse of `ticker`, for every type. ValueError for text that is no ticker."""
    parts = _TICKER.fullmatch(ticker)
    if parts is None:
        raise ValueError(f"ticker {ticker!r} is not letters and digits with at most one dot or hyphen between them")
    root, series = parts.groups()
    if series is None:
        return ticker
    return f"{root}/{'' if series == _NAMELESS else series}"
