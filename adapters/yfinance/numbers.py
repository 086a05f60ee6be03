"""Numbers as Yahoo writes them: prices without binary dust, in the major unit of their currency.

Yahoo keeps prices in single precision and prints them widened: 344.82 comes as 344.82000732421875. Such a number is given its
shortest decimal spelling back; any other is taken as it is printed. Hundredths (pence, cents, agorot) are divided in decimal,
so that 4550.666016 pence are 45.50666016 pounds and nothing else.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

#: Currencies that are hundredths of another, by their spelling on the wire (yfinance 1.7.0, scrapers/history.py).
_HUNDREDTHS: Mapping[str, str] = {"GBp": "GBP", "GBX": "GBP", "ZAc": "ZAR", "ILA": "ILS"}
#: Longer spellings can be widened single precision, which needs nine digits at most.
_LONGEST_PLAIN = 10
_SINGLE_DIGITS = (7, 8, 9)


def parse(body: bytes) -> Any:
    """`body` as JSON with its decimals as they are printed (`Decimal`; NaN and infinities too). ValueError where it is none."""
    return json.loads(body, parse_float=Decimal, parse_constant=Decimal)


def as_json(value: Any) -> str:
    """JSON text of what `parse` returned: numbers as numbers, NaN and infinities as text."""
    return json.dumps(value, ensure_ascii=False, default=lambda one: float(one) if one.is_finite() else str(one))


def major(currency: str) -> tuple[str, int]:
    """The major currency of a spelling on the wire, and how many of its units make one: `("GBP", 100)` for GBp."""
    found = _HUNDREDTHS.get(currency)
    return (currency.upper(), 1) if found is None else (found, 100)


def price(value: object, unit: int = 1) -> float | None:
    """A number of the wire divided by `unit`; None for null, NaN and infinities. ValueError for what is no number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is no number")
    number = plain(Decimal(value))
    return float(number / unit) if number.is_finite() else None


def count(value: object) -> int | None:
    """A number of shares; None for null and NaN. ValueError for what is no count that a column holds."""
    if value is None or (isinstance(value, Decimal) and not value.is_finite()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not -(2**63) <= value < 2**63:
        raise ValueError(f"{value!r} is no count")
    return round(value)


def plain(number: Decimal) -> Decimal:
    """`number` with its shortest spelling where it is a widened single-precision one."""
    # Its text with the point is quickly told, its digits are not: most numbers end here.
    if len(str(number)) <= _LONGEST_PLAIN + 1 or not number.is_finite() or len(number.as_tuple().digits) <= _LONGEST_PLAIN:
        return number
    wide = float(number)
    if _single(wide) != wide:
        return number
    for digits in _SINGLE_DIGITS:
        short = f"{wide:.{digits}g}"
        if _single(float(short)) == wide:
            return Decimal(short)
    return number


def _single(number: float) -> float | None:
    """`number` in single precision, widened; None where it is too large for that."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return None
