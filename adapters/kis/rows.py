"""Rows of KIS answers, read one by one: a field that is missing or makes no sense refuses its row, never the page.

Every value on the wire is text; plain numbers are taken too, should one ever come as such.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import polars as pl

from adapters.base import REFUSED

_DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_DAY = re.compile(r"\d{8}", re.ASCII)
#: The largest count a column holds.
LARGEST_COUNT = 2**63 - 1


class RowError(ValueError):
    """A row can't be read; `rule` is what the quarantine calls it."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


@dataclass
class Refusals:
    """Collects refused rows of one series (REFUSED)."""

    region: str
    ticker: str | None
    provider: str
    _rows: list[tuple[dt.date | None, str, str, str, str | None]] = field(default_factory=list)

    def add(self, rule: str, reason: str, raw: object, date: dt.date | None = None, ticker: str | None = None) -> None:
        """Keep `raw` (any JSON value) with the rule that refused it."""
        named = ticker or self.ticker
        self._rows.append((date, rule, printable(reason), printable(_kept(raw)), named and printable(named)))

    def frame(self) -> pl.DataFrame:
        """REFUSED, in the order of the answers."""
        return pl.DataFrame(
            {
                "region": [self.region] * len(self._rows),
                "ticker": [row[4] for row in self._rows],
                "date": [row[0] for row in self._rows],
                "rule": [row[1] for row in self._rows],
                "reason": [row[2] for row in self._rows],
                "raw": [row[3] for row in self._rows],
                "provider": [self.provider] * len(self._rows),
            },
            schema=REFUSED,
        )


def printable(words: str) -> str:
    """`words` with half surrogate pairs, which JSON may escape and UTF-8 can't hold, written as escapes."""
    return words.encode("utf-8", "backslashreplace").decode("utf-8")


def _kept(raw: object) -> str:
    """`raw` as text."""
    if isinstance(raw, str):
        return raw
    try:
        return json.dumps(raw, ensure_ascii=False, sort_keys=True)
    except RecursionError:
        return "a JSON value that is nested too deeply to be written"


def optional(row: Mapping[str, Any], name: str) -> str:
    """The field's text without padding, "" where it is absent or null; of a list or an object only that it is one."""
    value = row.get(name)
    if value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else f"a JSON {type(value).__name__}"


def text(row: Mapping[str, Any], name: str) -> str:
    """The field's text without padding; RowError `missing_field` where it is absent, null or empty."""
    value = row.get(name)
    if value is None:
        raise RowError("missing_field", f"{name} is missing")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowError("unparsable", f"{name} is a JSON {type(value).__name__}")
    stripped = str(value).strip()
    if not stripped:
        raise RowError("missing_field", f"{name} is empty")
    return stripped


def day(row: Mapping[str, Any], name: str) -> dt.date:
    """A date written YYYYMMDD."""
    value = text(row, name)
    date = _date(value)
    if date is None:
        raise RowError("unparsable", f"{name} is {value!r}, not a date written YYYYMMDD")
    return date


@lru_cache(maxsize=20_000)
def _date(value: str) -> dt.date | None:
    """The date, None where there is none: every ticker of a run brings the same few hundred texts."""
    if not _DAY.fullmatch(value):
        return None
    try:
        return dt.date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        return None


def dates(row: Mapping[str, Any], *names: str) -> list[dt.date]:
    """The dates that are set among the fields; blank and zeros mean unset."""
    return [day(row, name) for name in names if optional(row, name).strip("0")]


def day_before(name: str, date: dt.date) -> dt.date:
    """The day before `date`, which stood in the field `name`."""
    if date == dt.date.min:
        raise RowError("unparsable", f"{name} is {date}, before which there is no day")
    return date - dt.timedelta(days=1)


def price(row: Mapping[str, Any], name: str, unit: int = 1) -> float:
    """A price, level or value ≥ 0, times `unit`; zero is a fact (an untraded day), not an error."""
    return _decimal(name, text(row, name), unit)


def count(row: Mapping[str, Any], name: str, unit: int = 1) -> int:
    """A whole number ≥ 0, times `unit`."""
    value = text(row, name)
    if not _INTEGER.fullmatch(value) or len(value) > 19:
        raise RowError("unparsable", f"{name} is {value!r}, not a whole number")
    number = int(value) * unit
    if number < 0:
        raise RowError("unparsable", f"{name} is {value!r}: negative")
    if number > LARGEST_COUNT:
        raise RowError("unparsable", f"{name} is {value!r}: larger than any volume")
    return number


def amount(row: Mapping[str, Any], name: str, unit: int = 1) -> float | None:
    """Money ≥ 0, times `unit`; None where the provider leaves it out."""
    if row.get(name) is None or row[name] == "":
        return None
    return _decimal(name, text(row, name), unit)


def _decimal(name: str, value: str, unit: int) -> float:
    number = float(value) * unit if _DECIMAL.fullmatch(value) else math.nan
    if not math.isfinite(number):
        raise RowError("unparsable", f"{name} is {value!r}, not a finite number")
    if number < 0:
        raise RowError("unparsable", f"{name} is {value!r}: negative")
    return number
