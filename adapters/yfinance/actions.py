"""Corporate actions out of a chart's events: share-count events and cash.

Yahoo's rows contain every split it tells of. It writes spin-offs as splits of odd numbers (GE 1281:1000 on 2023-01-04), which
change the price and nobody's number of shares; in some regions odd numbers are shares all the same (`odd_splits.csv`).
Yahoo's dividends are divided by all later splits; here they are as announced.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from adapters.base import ACTIONS
from adapters.yfinance import numbers
from adapters.yfinance.chart import PROVIDER, Chart, Refusals

#: A share-count event is announced in small numbers: written with numbers up to 100 (105:100), or, in lowest terms, n:1 … n:10.
_SMALL_WRITTEN = 100
_SMALL_REDUCED = 10
#: Yahoo writes dividends with six decimals at most; what has fewer is exact.
_CASH_DECIMALS = 6
_UNREADABLE = (LookupError, ValueError, TypeError, ArithmeticError, OSError)


@dataclass(frozen=True)
class Split:
    """One of Yahoo's splits: `ratio` new shares for an old one from `day` on; `small` where shares were split in it."""

    day: dt.date
    ratio: Fraction
    small: bool


@cache
def odd_splits() -> Mapping[str, str]:
    """What a split in odd numbers that adds shares is, by region (`odd_splits.csv`); `*` for all others."""
    text = Path(__file__).with_name("odd_splits.csv").read_text(encoding="utf-8")
    return {row["region"]: row["kind"] for row in csv.DictReader(text.splitlines())}


def splits(chart: Chart, refusals: Refusals) -> list[Split]:
    """The splits of a chart, in the order of the answer. One that can't be read is added to `refusals`, without a date."""
    found = []
    for event in _events(chart, "splits"):
        try:
            ratio = _ratio(event)
            found.append(Split(_day(chart, event), ratio, _small(event, ratio)))
        except _UNREADABLE as error:
            refusals.add("unparsable", f"a split that can't be read ({error})", event)
    return found


def actions(
    chart: Chart, told: Sequence[Split], region: str, ticker: str, start: dt.date, through: dt.date, refusals: Refusals
) -> pl.DataFrame:
    """The chart's splits (`told`) and cash from `start` on as ACTIONS, by ex-date: confirmed up to `through`, else announced.

    Cash that can't be read is added to `refusals`, without a date: it says nothing of the session's bar.
    """
    rows = [_share_count(one, region) for one in told]
    for name, kind in (("dividends", "cash"), ("capitalGains", "special")):
        for event in _events(chart, name):
            try:
                day = _day(chart, event)
                currency, cash = _cash(chart, event, math.prod(one.ratio for one in told if one.day > day))
            except _UNREADABLE as error:
                refusals.add("unparsable", f"{name} that can't be read ({error})", event)
                continue
            paid = {"ex_date": day, "kind": kind, "cash": cash, "currency": currency, "source": f"chart {name}"}
            rows.append({**paid, "ratio": None, "price_factor": 1.0, "volume_factor": 1.0, "in_split_adjusted": False})
    kept = [
        {
            **row,
            "region": region,
            "ticker": ticker,
            "status": "confirmed" if row["ex_date"] <= through else "announced",
            "provider": PROVIDER,
        }
        for row in rows
        if row["ex_date"] >= start
    ]
    return pl.DataFrame(kept, schema=ACTIONS).sort("ex_date", "kind", "cash", nulls_last=True)


def _share_count(one: Split, region: str) -> dict[str, Any]:
    """A split as an event of shares, or of the price alone."""
    more = one.ratio > 1
    kind = "split" if more else "consolidation"
    if not one.small:
        kind = odd_splits().get(region if more else "*", odd_splits()["*"])
    return {
        "ex_date": one.day,
        "kind": kind,
        "ratio": float(one.ratio),
        "price_factor": float(1 / one.ratio),
        "volume_factor": 1.0 if kind == "spin_off" else float(one.ratio),
        "cash": None,
        "currency": None,
        "source": "chart splits",
        "in_split_adjusted": True,
    }


def _events(chart: Chart, name: str) -> Iterable[Mapping[str, Any]]:
    found = chart.events.get(name) or {}
    return list(found.values()) if isinstance(found, Mapping) else list(found)


def _day(chart: Chart, event: Mapping[str, Any]) -> dt.date:
    return chart.date_of(int(event["date"]))


def _ratio(event: Mapping[str, Any]) -> Fraction:
    """New shares for one old share."""
    ratio = Fraction(event["numerator"]) / Fraction(event["denominator"])
    if ratio <= 0 or ratio == 1:
        raise ValueError(f"{event['numerator']}:{event['denominator']} is no ratio")
    return ratio


def _small(event: Mapping[str, Any], ratio: Fraction) -> bool:
    """Whether shares were split in this ratio; a spin-off's is a quotient of prices."""
    if min(ratio.numerator, ratio.denominator) <= _SMALL_REDUCED:
        return True
    written = (Fraction(event["numerator"]), Fraction(event["denominator"]))
    return all(number.denominator == 1 for number in written) and min(written) <= _SMALL_WRITTEN


def _cash(chart: Chart, event: Mapping[str, Any], later: Fraction | int) -> tuple[str, float]:
    """Currency (major) and gross amount per share as announced: `later` is the product of the splits after it."""
    currency, unit = numbers.major(str(event.get("currency") or "")) if event.get("currency") else (chart.currency, chart.unit)
    written = numbers.plain(Decimal(event["amount"]))
    if not written.is_finite() or written <= 0 or not currency:
        raise ValueError(f"{event['amount']} {currency} is no dividend")
    exponent = written.as_tuple().exponent
    assert isinstance(exponent, int)
    amount = written * Decimal(Fraction(later).numerator) / Decimal(Fraction(later).denominator)
    if later > 1 and -exponent >= _CASH_DECIMALS:
        # Cut to six decimals before it came: what the splits multiply is exact to so many fewer.
        places = max(0, _CASH_DECIMALS - math.ceil(math.log10(later)))
        amount = amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return currency, float(amount / unit)
