"""Tickers as Yahoo spells them, and back: the venue's code, a hyphen for classes, the venue's suffix.

| region | ours | Yahoo's |
|---|---|---|
| HK | `00700` `80700` | `0700.HK` `80700.HK` |
| US | `BRK.B` (class) `ABR-D` (preferred) | `BRK-B` `ABR-PD` |
| UK | `BP.` `BT.A` | `BP.L` `BT-A.L` |
| EU | `SAN` `SAN:XMAD` | `SAN.PA` `SAN.MC` |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PREFERRED = re.compile(r"([A-Z]+)-P([A-Z]{1,2})", re.ASCII)


def symbol(ticker: str, region: str, suffix: str) -> str:
    """Yahoo's symbol of our ticker on the venue with that suffix; ValueError for a ticker that can't be one of the region."""
    code = ticker.partition(":")[0]
    return _SPELL.get(region, _same)(code) + suffix


def code(symbol: str, region: str, suffix: str) -> str:
    """The venue's code inside a symbol of Yahoo's, without the MIC; ValueError where the symbol has another suffix."""
    if suffix and not symbol.endswith(suffix):
        raise ValueError(f"{symbol!r} does not end with {suffix!r}")
    return _READ.get(region, _same)(symbol.removesuffix(suffix))


def _same(text: str) -> str:
    return text


def _hk_symbol(ticker: str) -> str:
    if not ticker.isdecimal():
        raise ValueError(f"{ticker!r} is no code of digits")
    return f"{int(ticker):04d}"


def _us_symbol(ticker: str) -> str:
    root, hyphen, series = ticker.partition("-")
    return f"{root}-P{series}" if hyphen else ticker.replace(".", "-")


def _us_code(text: str) -> str:
    preferred = _PREFERRED.fullmatch(text)
    return f"{preferred[1]}-{preferred[2]}" if preferred else text.replace("-", ".")


def _uk_symbol(ticker: str) -> str:
    return ticker.removesuffix(".").replace(".", "-")


def _uk_code(text: str) -> str:
    # Codes of one or two letters end with a dot on the venue, which Yahoo leaves out.
    return f"{text}." if len(text) <= 2 else text.replace("-", ".")


_SPELL: Mapping[str, Callable[[str], str]] = {"HK": _hk_symbol, "US": _us_symbol, "UK": _uk_symbol}
_READ: Mapping[str, Callable[[str], str]] = {"HK": lambda text: text.zfill(5), "US": _us_code, "UK": _uk_code}
