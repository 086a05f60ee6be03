"""Events of a chart as corporate actions: kinds, factors, cash as announced."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Instrument
from adapters.yfinance import YfinanceAdapter, actions

Make = Callable[..., YfinanceAdapter]
START, END = dt.date(2026, 1, 2), dt.date(2026, 11, 20)
NAMES = {"US": ("GE", "GE", "XNYS"), "CN": ("600519", "600519.SS", "XSHG"), "VN": ("BID", "BID.VN", "XSTC")}
ODD = list(csv.DictReader(Path(actions.__file__).with_name("odd_splits.csv").read_text(encoding="utf-8").splitlines()))
FACTORS = ("ex_date", "kind", "ratio", "price_factor", "volume_factor", "in_split_adjusted")


def told(script: Any, adapter_of: Make, yahoo: Any, events: dict[str, Any], **meta: Any) -> Any:
    """The history of a New York name whose chart tells of `events` and has one bar on 2026-11-18."""
    traded = ny(yahoo, "2026-11-18", "16:00")
    head = {"exchangeTimezoneName": "America/New_York", "currency": "USD", "regularMarketTime": traded, **meta}
    script.charts["GE"] = yahoo.chart("GE", [(ny(yahoo, "2026-11-18"), 1, 1, 1, 1, 1)], events=events, **head)
    return adapter_of("US").history(Instrument("US", "GE", "XNYS", "USD"), START, END)


def ny(yahoo: Any, day: str, clock: str = "09:30") -> int:
    return int(yahoo.at(day, clock, "America/New_York"))


def splits(yahoo: Any, *found: tuple[str, Any, Any]) -> dict[str, Any]:
    return {
        str(ny(yahoo, day)): {"date": ny(yahoo, day), "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
        for day, new, old in found
    }


def cash(yahoo: Any, *found: tuple[str, Any]) -> dict[str, Any]:
    return {str(ny(yahoo, day)): {"date": ny(yahoo, day), "amount": amount} for day, amount in found}


@pytest.mark.parametrize(
    ("new", "old", "kind", "ratio", "price_factor", "volume_factor"),
    [
        (4, 1, "split", 4.0, 0.25, 4.0),
        (50.0, 1.0, "split", 50.0, 0.02, 50.0),
        (3, 2, "split", 1.5, 2 / 3, 1.5),
        (1.1, 1, "split", 1.1, 10 / 11, 1.1),
        (105, 100, "split", 1.05, 100 / 105, 1.05),
        (10000, 1000, "split", 10.0, 0.1, 10.0),
        (1, 8, "consolidation", 0.125, 8.0, 0.125),
        (1281, 1000, "spin_off", 1.281, 1000 / 1281, 1.0),
        (1025, 1000, "spin_off", 1.025, 1000 / 1025, 1.0),
        (10000, 9607, "spin_off", 10000 / 9607, 0.9607, 1.0),
    ],
)
def test_a_ratio_of_small_numbers_splits_shares_and_any_other_is_a_spin_off(
    script: Any,
    adapter_of: Make,
    yahoo: Any,
    new: float,
    old: float,
    kind: str,
    ratio: float,
    price_factor: float,
    volume_factor: float,
) -> None:
    found = told(script, adapter_of, yahoo, {"splits": splits(yahoo, ("2026-06-01", new, old))})
    assert found.actions.select(FACTORS).rows() == [(dt.date(2026, 6, 1), kind, ratio, price_factor, volume_factor, True)]
    assert found.actions.select("region", "ticker", "cash", "currency", "status", "source", "provider").row(0) == (
        *("US", "GE", None, None, "confirmed", "chart splits", "yfinance"),
    )


@pytest.mark.parametrize("line", ODD, ids=lambda line: line["region"])
def test_the_table_of_odd_splits_says_what_its_examples_are(
    script: Any, adapter_of: Make, yahoo: Any, line: dict[str, str]
) -> None:
    region = "US" if line["region"] == "*" else line["region"]
    ticker, spelt, venue = NAMES[region]
    new, old = map(int, line["example"].split(":"))
    events = {"splits": splits(yahoo, ("2026-06-01", new, old))}
    meta = {"exchangeTimezoneName": "America/New_York", "currency": "USD"}
    script.charts[spelt] = yahoo.chart(spelt, [(ny(yahoo, "2026-11-18"), 1, 1, 1, 1, 1)], events=events, **meta)
    found = adapter_of(region).history(Instrument(region, ticker, venue, "USD"), START, END)
    shares = 1.0 if line["kind"] == "spin_off" else new / old
    assert found.actions.select(FACTORS).rows() == [(dt.date(2026, 6, 1), line["kind"], new / old, old / new, shares, True)]
    assert line["source"]


def test_an_odd_consolidation_is_no_bonus_anywhere(script: Any, adapter_of: Make, yahoo: Any) -> None:
    events = {"splits": splits(yahoo, ("2026-06-01", 1000, 1207))}
    meta = {"exchangeTimezoneName": "America/New_York", "currency": "USD"}
    script.charts["BID.VN"] = yahoo.chart("BID.VN", [(ny(yahoo, "2026-11-18"), 1, 1, 1, 1, 1)], events=events, **meta)
    found = adapter_of("VN").history(Instrument("VN", "BID", "XSTC", "VND"), START, END)
    assert found.actions["kind"].to_list() == ["spin_off"]


def test_dividends_are_multiplied_back_by_the_splits_after_them(script: Any, adapter_of: Make, yahoo: Any) -> None:
    events = {
        "splits": splits(yahoo, ("2026-03-02", 7, 1), ("2026-08-03", 4, 1)),
        "dividends": cash(
            yahoo,
            ("2025-12-01", 0.1),  # before the range
            ("2026-02-02", 0.094643),  # 2.65 ÷ 28, cut to six decimals
            ("2026-03-02", 0.117500),  # on the day of a split: paid on the new shares
            ("2026-09-01", 0.20499999821186066),
        ),
    }
    found = told(script, adapter_of, yahoo, events).actions
    paid = found.filter(found["kind"] == "cash")
    assert paid.select("ex_date", "cash", "currency").rows() == [
        (dt.date(2026, 2, 2), 2.65, "USD"),
        (dt.date(2026, 3, 2), 0.47, "USD"),
        (dt.date(2026, 9, 1), 0.205, "USD"),
    ]
    rest = paid.select(*FACTORS[2:], "status", "source").unique()
    assert rest.rows() == [(None, 1.0, 1.0, False, "confirmed", "chart dividends")]


def test_pence_and_foreign_dividends(script: Any, adapter_of: Make, yahoo: Any) -> None:
    dividends = cash(yahoo, ("2026-02-02", 12.35), ("2026-03-02", 0.31), ("2026-12-01", 5))
    dividends[str(ny(yahoo, "2026-03-02"))]["currency"] = "USD"
    found = told(script, adapter_of, yahoo, {"dividends": dividends}, currency="GBp").actions
    assert found.select("cash", "currency", "status").rows() == [
        (0.1235, "GBP", "confirmed"),
        (0.31, "USD", "confirmed"),
        (0.05, "GBP", "announced"),
    ]


def test_a_split_after_the_last_trade_is_contained_in_the_rows(script: Any, adapter_of: Make, yahoo: Any) -> None:
    later = told(script, adapter_of, yahoo, {"splits": splits(yahoo, ("2026-11-20", 2, 1))})
    assert later.bars["adjusted_through"].to_list() == [dt.date(2026, 11, 20)]
    assert told(script, adapter_of, yahoo, {}).bars["adjusted_through"].to_list() == [dt.date(2026, 11, 18)]


def test_events_that_make_no_sense_are_refused_without_a_date(script: Any, adapter_of: Make, yahoo: Any) -> None:
    broken = {
        "splits": splits(yahoo, ("2026-03-02", 0, 1), ("2026-03-03", 1, 0), ("2026-03-04", 1, 1), ("2026-03-05", None, 1)),
        "dividends": {**cash(yahoo, ("2026-04-01", -1), ("2026-04-02", "x")), "x": {"amount": 1}},
    }
    found = told(script, adapter_of, yahoo, broken)
    assert found.actions.is_empty()
    assert found.refused.select("date", "rule").unique().rows() == [(None, "unparsable")]
    assert found.refused.height == 7
    assert found.bars.height == 1
