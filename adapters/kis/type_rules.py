"""Security types by a table of rules: for the lists of CN, HK, JP and VN, whose symbols and own type fields tell nearly all.

The table is `security_types.csv`: for a venue and the list's own type (`stis`) the rules in the order they are asked; the
first whose pattern is the whole of its field decides. A further exchange is a few rows there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).with_name("security_types.csv")


class Rule(NamedTuple):
    """One row: `field` (symbol, english, type, lot) must match `pattern` in full."""

    field: str
    pattern: re.Pattern[str]
    type: str


@cache
def rules() -> Mapping[str, Mapping[str, Sequence[Rule]]]:
    """The table: rules by venue MIC and the list's own type, in order."""
    found: dict[str, dict[str, list[Rule]]] = {}
    with _TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rule = Rule(row["field"], re.compile(row["pattern"], re.ASCII), row["type"])
            found.setdefault(row["venue"], {}).setdefault(row["list_type"], []).append(rule)
    return found


def ruled_type(venue: str, list_type: str, fields: Mapping[str, str]) -> str | None:
    """The type that the venue's rules give a line; None where none of them decides."""
    for rule in rules()[venue].get(list_type, ()):
        if rule.pattern.fullmatch(fields[rule.field]):
            return rule.type
    return None
