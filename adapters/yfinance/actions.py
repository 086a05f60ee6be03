"""Corporate actions out of a chart's events: share-count events and cash.

Yahoo's rows contain every split it tells of. It writes spin-offs as splits of odd numbers (GE 1281:1000 on 2023-01-04), which
change the price and nobody's number of shares. In CN and VN odd numbers are shares all the same: dividends are paid in them at
any rate, and shares in treasury get none. Yahoo's dividends are divided by all later splits; here they are as announced.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from adapters.base import ACTIONS
from adapters.yfinance import numbers
from adapters.yfinance.chart import PROVIDER, Chart, Refusals

#: A share-count event is announced in small numbers: written with numbers up to 100 (105:100), or, in lowest terms, n:1 … n:10.
_SMALL_WRITTEN = 100
_SMALL_REDUCED = 10
_PAID_IN_SHARES = {"CN", "VN"}
#: Yahoo writes dividends with six decimals at most; what has fewer is exact.
_CASH_DECIMALS = 6


def actions(chart: Chart, region: str, ticker: str, start: dt.date, through: dt.date, refusals: Refusals) -> pl.DataFrame:
    """The events of a chart from `start` on as ACTIONS, by ex-date; `confirmed` up to `through`, else `announced`.

    An event that can't be read is added to `refusals`, without a date: it says nothing of the session's bar.
    """
    splits: list[tuple[dt.date, Fraction, bool]] = []
    for event in _events(chart, "splits"):
        try:
            splits.append((_day(chart, event), _ratio(event), _small(event)))
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError) as error:
            refusals.add("unparsable", f"a split that can't be read ({error})", event)
    rows: list[dict[str, Any]] = []
    for day, ratio, small in splits:
        odd = "bonus" if region in _PAID_IN_SHARES and ratio > 1 else "spin_off"
        kind = odd if not small else "split" if ratio > 1 else "consolidation"
        told: dict[str, Any] = {
            "ratio": float(ratio),
            "price_factor": float(1 / ratio),
            "volume_factor": 1.0 if kind == "spin_off" else float(ratio),
            "in_split_adjusted": True,
        }
        rows.append({"ex_date": day, "kind": kind, "cash": None, "currency": None, "source": "chart splits", **told})
    for name, kind in (("dividends", "cash"), ("capitalGains", "special")):
        for event in _events(chart, name):
            try:
                day = _day(chart, event)
                currency, cash = _cash(chart, event, math.prod(ratio for on, ratio, _ in splits if on > day))
            except (LookupError, ValueError, TypeError, ArithmeticError, OSError) as error:
                refusals.add("unparsable", f"{name} that can't be read ({error})", event)
                continue
            told = {"ratio": None, "price_factor": 1.0, "volume_factor": 1.0, "in_split_adjusted": False}
            rows.append({"ex_date": day, "kind": kind, "cash": cash, "currency": currency, "source": f"chart {name}", **told})
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


def split_days(chart: Chart) -> list[dt.date]:
    """Days of the splits that can be read: the rows contain them."""
    days = []
    for event in _events(chart, "splits"):
        try:
            _ratio(event)
            days.append(_day(chart, event))
        except (LookupError, ValueError, TypeError, ArithmeticError, OSError):
            continue
    return days


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


def _small(event: Mapping[str, Any]) -> bool:
    """Whether shares were split in this ratio; a spin-off's is a quotient of prices."""
    ratio = _ratio(event)
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
