"""History and index out of charts: units, nulls, rows of one date, what is no answer at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from adapters.base import Instrument, Listing
from adapters.yfinance import YfinanceAdapter
from pipeline.errors import Unavailable, Unsupported, UsageError

Make = Callable[..., YfinanceAdapter]
SAMSUNG = Instrument("KR", "005930", "XKRX", "KRW")
START, END = dt.date(2026, 11, 16), dt.date(2026, 11, 20)


def rows(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("date", "open", "high", "low", "close", "volume", "currency").rows()


def test_a_chart_becomes_bars_in_pounds(script: Any, adapter_of: Make, yahoo: Any) -> None:
    zone = "Europe/London"
    traded = yahoo.at("2026-11-23", "10:00", zone)
    values = {
        "2026-11-13": (55.1, 56, 55, 55.5, 10),
        "2026-11-19": (345.3999938964844, 346, 344.82000732421875, 345, 700969),
        "2026-11-20": (345, 346, 344, 345.5, 8),
        "2026-11-23": (1, 1, 1, 1, 1),
    }
    came = [(yahoo.at(day, "08:00", zone), *row) for day, row in values.items()]
    script.charts["BP.L"] = yahoo.chart("BP.L", came, exchangeTimezoneName=zone, currency="GBp", regularMarketTime=traded)
    found = adapter_of("UK").history(Instrument("UK", "BP.", "XLON", "GBP"), START, END)
    told = ("GBP", "yfinance", "split_adjusted", dt.date(2026, 11, 23))
    assert found.bars.rows() == [
        ("UK", "BP.", dt.date(2026, 11, 19), 3.454, 3.46, 3.4482, 3.45, 700969, None, *told),
        ("UK", "BP.", dt.date(2026, 11, 20), 3.45, 3.46, 3.44, 3.455, 8, None, *told),
    ]
    assert (found.refused.height, found.actions.height, found.exhausted, found.pages, found.older) == (0, 0, True, 1, True)
    (asked,) = [one for one in script.asked if one.path == "/v8/finance/chart/BP.L"]
    sent = {name: asked.params[name] for name in ("period1", "interval", "events", "crumb")}
    since = str(yahoo.at("2026-11-02", "00:00", "UTC"))
    assert sent == {"period1": since, "interval": "1d", "events": "div,splits,capitalGains", "crumb": "PlantedCrumb"}


def test_rows_that_say_nothing_are_left_out_and_broken_ones_are_refused(script: Any, adapter_of: Make, yahoo: Any) -> None:
    script.charts["005930.KS"] = yahoo.chart(
        "005930.KS",
        [
            (yahoo.at("2026-11-16"), None, None, None, None, None),
            (yahoo.at("2026-11-17"), None, None, None, None, 0),
            (yahoo.at("2026-11-18"), None, None, None, None, 350),
            (yahoo.at("2026-11-19"), 71000, None, 70000, 70500, 10),
            (yahoo.at("2026-11-20"), 71000, 72000, 70000, "70500", 10),
        ],
    )
    found = adapter_of("KR").history(SAMSUNG, START, END)
    assert found.bars.is_empty()
    assert found.refused.select("date", "rule", "reason").rows() == [
        (dt.date(2026, 11, 18), "missing_field", "open, high, low, close missing"),
        (dt.date(2026, 11, 19), "missing_field", "high missing"),
        (dt.date(2026, 11, 20), "unparsable", "'70500' is no number"),
    ]
    assert '"open": 71000, "high": 72000, "low": 70000, "close": "70500"' in found.refused["raw"][2]
    raw = f'{{"timestamp": {yahoo.at("2026-11-18")}, "open": null, "high": null, "low": null, "close": null, "volume": 350}}'
    assert found.refused.select("region", "ticker", "raw", "provider").row(0) == ("KR", "005930", raw, "yfinance")


def test_two_rows_of_one_date_are_both_kept_but_for_the_running_sessions(script: Any, adapter_of: Make, yahoo: Any) -> None:
    last = yahoo.at("2026-11-20", "15:30")
    script.charts["005930.KS"] = yahoo.chart(
        "005930.KS",
        [
            (yahoo.at("2026-11-18", "09:00"), 1, 1, 1, 1, 1),
            (yahoo.at("2026-11-18", "15:00"), 2, 2, 2, 2, 2),
            (yahoo.at("2026-11-20", "09:00"), 3, 3, 3, 3, 3),
            (last, 4, 4, 4, 4, 4),
        ],
        regularMarketTime=last,
    )
    found = adapter_of("KR").history(SAMSUNG, START, END)
    assert [(row[0].day, row[4]) for row in rows(found.bars)] == [(18, 1.0), (18, 2.0), (20, 4.0)]
    assert found.refused.select("date", "rule").rows() == [(END, "superseded_row")]


@pytest.mark.parametrize(
    ("zone", "clock", "session"),
    [
        ("Asia/Seoul", "09:00", 18),
        ("America/New_York", "09:30", 18),
        ("America/New_York", "23:00", 19),  # an hour of daylight saving too early
        ("Australia/Sydney", "00:00", 18),
    ],
)
def test_a_rows_date_is_the_venues(script: Any, adapter_of: Make, yahoo: Any, zone: str, clock: str, session: int) -> None:
    when = yahoo.at("2026-11-18", clock, zone)
    script.charts["AAPL"] = yahoo.chart("AAPL", [(when, 1, 1, 1, 1, 1)], exchangeTimezoneName=zone, currency="USD")
    found = adapter_of("US").history(Instrument("US", "AAPL", "XNAS", "USD"), START, END)
    assert found.bars["date"].to_list() == [dt.date(2026, 11, session)]


def test_the_currency_is_the_answers_not_the_regions(script: Any, adapter_of: Make, yahoo: Any) -> None:
    script.charts["80700.HK"] = yahoo.chart("80700.HK", [(yahoo.at("2026-11-18"), 1, 1, 1, 1, 1)], currency="CNY")
    found = adapter_of("HK").history(Instrument("HK", "80700", "XHKG", "HKD"), START, END)
    assert found.bars["currency"].to_list() == ["CNY"]


def test_what_is_no_answer_is_unavailable(script: Any, adapter_of: Make, yahoo: Any) -> None:
    when = yahoo.at("2026-11-18")
    no_zone = yahoo.answer("005930.KS", [(when, 1, 1, 1, 1, 1)], exchangeTimezoneName="Nowhere/At-All")
    short = yahoo.answer("005930.KS", [(when, 1, 1, 1, 1, 1)])
    short["chart"]["result"][0]["timestamp"].append(when + 86400)
    said = {
        "empty from 2026-11-02 on; Yahoo's silence is no evidence": (200, yahoo.answer("005930.KS", [])),
        "HTTP 404: No data found, symbol may be delisted": yahoo.not_found(),
        "HTTP 422: range is bad": (422, {"chart": {"result": None, "error": {"code": "x", "description": "range is bad"}}}),
        "asked for 005930.KS, the answer is about 000660.KS": (200, yahoo.answer("000660.KS", [(when, 1, 1, 1, 1, 1)])),
        "the answer about 005930.KS is empty": (200, {"chart": {"result": [], "error": None}}),
        "can't be read (ZoneInfoNotFoundError": (200, no_zone),
        "can't be read (ValueError": (200, short),
        "HTTP 200 with 18 bytes that are no answer of Yahoo's": (200, "Will be right back"),
    }
    adapter = adapter_of("KR")
    for words, reply in said.items():
        script.charts["005930.KS"] = lambda _, reply=reply: reply
        with pytest.raises(Unavailable) as caught:
            adapter.history(SAMSUNG, START, END)
        assert words in str(caught.value)
        assert "Planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "row", "older"),
    [
        ("2026-11-25", None, False),
        ("2026-11-17", "2026-11-17", False),
        ("2010-01-04", "2026-11-17", True),
        (None, "2026-11-17", False),
    ],
)
def test_the_first_trade_tells_whether_a_listing_is_older_than_a_range(
    script: Any, adapter_of: Make, yahoo: Any, first: str | None, row: str | None, older: bool
) -> None:
    traded = [(yahoo.at(row), 1, 1, 1, 1, 1)] if row else []
    script.charts["005930.KS"] = yahoo.chart("005930.KS", traded, firstTradeDate=None if first is None else yahoo.at(first))
    adapter = adapter_of("KR")
    found = adapter.history(SAMSUNG, START, END)
    assert (found.bars.height, found.exhausted, found.older) == (len(traded), True, older)
    asked = len(script.asked)
    day = None if first is None else dt.date.fromisoformat(first)
    assert adapter.listing(SAMSUNG) == Listing("005930", day, None, None, "yfinance")
    assert len(script.asked) == asked, "what a chart told is not asked again"


def test_a_listing_nobody_asked_about_before_costs_one_chart(script: Any, adapter_of: Make, yahoo: Any) -> None:
    script.charts["005930.KS"] = yahoo.chart("005930.KS", [])
    assert adapter_of("KR").listing(SAMSUNG).listed_from == dt.date(2000, 1, 4)
    assert script.asked[-1].params["range"] == "1d"


def test_a_name_halted_all_through_the_range_has_rows_from_before_it(script: Any, adapter_of: Make, yahoo: Any) -> None:
    script.charts["005930.KS"] = yahoo.chart("005930.KS", [(yahoo.at("2026-11-10"), 1, 1, 1, 1, 1)])
    found = adapter_of("KR").history(SAMSUNG, START, END)
    assert (found.bars.height, found.refused.height, found.older) == (0, 0, True)


def test_an_index_may_have_no_volume(script: Any, adapter_of: Make, yahoo: Any) -> None:
    values = [(yahoo.at("2026-11-18"), 2500.1, 2510, 2490, 2505, None), (yahoo.at("2026-11-19"), None, None, None, None, None)]
    script.charts["^KS11"] = yahoo.chart("^KS11", values)
    found = adapter_of("KR").index("KR", "KOSPI", START, END)
    assert found.bars.rows() == [
        ("KR", "KOSPI", dt.date(2026, 11, 18), 2500.1, 2510.0, 2490.0, 2505.0, None, None, "KRW", "yfinance")
    ]


def test_what_yahoo_does_not_offer_is_unsupported(adapter_of: Make) -> None:
    vietnam = adapter_of("VN")
    for ask in (
        lambda: vietnam.history(Instrument("VN", "SHS", "XHNX", "VND"), START, END),
        lambda: vietnam.history(SAMSUNG, START, END),
        lambda: vietnam.index("VN", "HNXINDEX", START, END),
        lambda: vietnam.universe("KR"),
        lambda: vietnam.market_day("VN", END),
    ):
        with pytest.raises(Unsupported):
            ask()
    with pytest.raises(UsageError, match="ends before it starts"):
        adapter_of("KR").history(SAMSUNG, END, START)
