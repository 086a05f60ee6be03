"""Dated rules of trading on KIS's overseas exchanges, read from `kis_trading_rules.csv` (a source a row)."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from pathlib import Path

#: From the day a rule came into force to its value, ascending.
Dated = tuple[tuple[date, int], ...]


def settlement(venue: str) -> Dated:
    """From which day on trades at `venue` (MIC) settle how many of its sessions later."""
    return _rules()["settlement", venue]


def least_value(venue: str) -> int | None:
    """The least market value, in the exchange's main currency, that a name of `venue` (MIC) can be bought at; None: any."""
    rules = _rules().get(("least_value", venue))
    return None if rules is None else rules[-1][1]


@cache
def _rules() -> dict[tuple[str, str], Dated]:
    """The table by rule and venue."""
    text = Path(__file__).with_suffix(".csv").read_text(encoding="utf-8")
    found: dict[tuple[str, str], Dated] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        since = date.fromisoformat(row["since"]) if row["since"] else date.min
        key = row["rule"], row["venue"]
        found[key] = (*found.get(key, ()), (since, int(row["value"])))
    return found
