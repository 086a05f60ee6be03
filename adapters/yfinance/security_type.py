"""Security types by a table of rules, for Yahoo says EQUITY of all of them.

The table is `security_types.csv`: the rules in the order they are asked, each of one region or of all (`*`); the first whose
pattern is the whole of its field decides. What else Yahoo lists is a row there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).with_name("security_types.csv")


class Rule(NamedTuple):
    """One row: `field` (quote_type, name in capitals, code, symbol) must match `pattern` in full. `example` is such a line."""

    region: str
    field: str
    pattern: re.Pattern[str]
    type: str
    example: str
    source: str


@cache
def rules() -> tuple[Rule, ...]:
    """The table, in order."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return tuple(_rule(**row) for row in csv.DictReader(file))


def deciding(region: str, fields: Mapping[str, str]) -> Rule:
    """The rule that says what a line of `region` is; its `fields` by the names of the table."""
    return next(rule for rule in rules() if rule.region in ("*", region) and rule.pattern.fullmatch(fields[rule.field]))


def security_type(region: str, fields: Mapping[str, str]) -> str:
    """The security type of a line; the last rules of the table leave none without one."""
    return deciding(region, fields).type


def _rule(region: str, field: str, pattern: str, type: str, example: str, source: str) -> Rule:
    return Rule(region, field, re.compile(pattern, re.ASCII | re.DOTALL), type, example, source)
