"""Yahoo's faults and its limit, as a client and the sandbox's own accounts see them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from adapters.sandbox import control
from pipeline.errors import UsageError

START, UNTIL = date(2026, 11, 2), date(2026, 11, 21)
PAGE = "/v8/finance/chart/AAPL?range=5d"
TOO_MANY = b"Too Many Requests\r\n"
BENDING = ("crumb_expired", "delisted", "empty", "nulls", "stale", "times_100", "repeat", "wrong_ticker")


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("rate_limit", 429, TOO_MANY),
        ("http_403", 403, b"Forbidden\r\n"),
        ("empty_body", 200, b""),
        ("bad_json", 200, b'{"chart":{"result":[{"meta":'),
    ],
)
def test_answers_that_are_no_charts(other: Callable[..., Any], kind: str, status: int, body: bytes) -> None:
    yahoo = other()
    control.set_fault(yahoo.url, provider="yahoo", kind=kind)
    answer, _, text = yahoo.raw("GET", PAGE)
    assert (answer, text) == (status, body)
    assert yahoo.raw("GET", PAGE)[0] == 200


@pytest.mark.parametrize(
    ("kind", "status", "code", "text"),
    [
        ("delisted", 404, "Not Found", "No data found, symbol may be delisted"),
        ("http_500", 500, "internal-error", "Internal Server Error"),
    ],
)
def test_errors_in_yahoos_envelope(other: Callable[..., Any], kind: str, status: int, code: str, text: str) -> None:
    yahoo = other()
    control.set_fault(yahoo.url, provider="yahoo", kind=kind)
    assert yahoo.chart("AAPL", range="5d") == (status, (code, text))


@pytest.mark.parametrize(("kind", "error"), [("dead", http.client.RemoteDisconnected), ("cut", http.client.IncompleteRead)])
def test_connections_that_break(other: Callable[..., Any], kind: str, error: type[Exception]) -> None:
    yahoo = other()
    control.set_fault(yahoo.url, provider="yahoo", kind=kind)
    with pytest.raises(error):
        yahoo.raw("GET", PAGE)


def test_a_slow_answer_is_the_right_one_late(other: Callable[..., Any]) -> None:
    yahoo = other()
    honest = yahoo.raw("GET", PAGE)[2]
    control.set_fault(yahoo.url, provider="yahoo", kind="slow", delay=0.3)
    began = time.monotonic()
    assert yahoo.raw("GET", PAGE)[2] == honest
    assert time.monotonic() - began >= 0.3


def test_content_that_is_wrong(other: Callable[..., Any]) -> None:
    yahoo = other()
    honest = yahoo.days("AAPL", START, UNTIL)
    bent = {}
    for kind in ("empty", "stale", "nulls", "repeat", "times_100", "wrong_ticker"):
        control.set_fault(yahoo.url, provider="yahoo", kind=kind, tr="chart", code="AAPL")
        bent[kind] = yahoo.days("AAPL", START, UNTIL)
    closes, volumes = yahoo.column(honest, "close"), yahoo.column(honest, "volume")
    assert sorted(bent["empty"]) == ["indicators", "meta"]
    assert yahoo.column(bent["stale"], "close") == closes[:-1]
    assert yahoo.column(bent["repeat"], "close") == [*closes[:-1], closes[-2]]
    assert yahoo.column(bent["times_100"], "close") == [close * 100 for close in closes]
    newest = {name: yahoo.column(bent["nulls"], name)[-1] for name in ("open", "high", "low", "close", "volume")}
    assert newest == {"open": None, "high": None, "low": None, "close": None, "volume": volumes[-1]}
    other_symbol = bent["wrong_ticker"]["meta"]["symbol"]
    assert other_symbol != "AAPL"
    assert bent["wrong_ticker"] == yahoo.days(other_symbol, START, UNTIL)
    older = ("AAPL", date(2026, 10, 1), date(2026, 10, 10))
    control.set_fault(yahoo.url, provider="yahoo", kind="stale")
    assert yahoo.days(*older) == yahoo.days(*older)  # a window without the newest session is as it was


def test_quotes_and_screens_bend_too(other: Callable[..., Any]) -> None:
    yahoo = other()
    yahoo.login()
    everything = {"operator": "EQ", "operands": ["region", "us"]}
    (honest,), (_, screened) = yahoo.quotes("AAPL"), yahoo.screen(everything, size=5)
    newest, before, _ = yahoo.bars("US", "AAPL", START, UNTIL)[::-1][:3]
    bent = {}
    for kind in ("times_100", "stale", "empty"):
        control.set_fault(yahoo.url, provider="yahoo", kind=kind, count=2)
        bent[kind] = yahoo.quotes("AAPL"), yahoo.screen(everything, size=5)[1]
    assert bent["empty"] == ([], {**screened, "count": 0, "total": 0, "quotes": []})
    assert honest["regularMarketPrice"] == newest.close / 10_000
    assert bent["stale"][0][0]["regularMarketPrice"] == before.close / 10_000
    for bent_quote, right in zip(bent["times_100"][1]["quotes"], screened["quotes"], strict=True):
        assert bent_quote["regularMarketPrice"] == pytest.approx(right["regularMarketPrice"] * 100)


def test_a_crumb_can_run_out(other: Callable[..., Any]) -> None:
    yahoo = other()
    yahoo.login()
    control.set_fault(yahoo.url, provider="yahoo", kind="crumb_expired")
    path, asked = "/v7/finance/quote", {"symbols": "AAPL"}
    assert [yahoo.ask("GET", path, **asked)[0] for _ in range(2)] == [401, 401]
    yahoo.login()
    assert yahoo.ask("GET", path, **asked)[0] == 200


def test_a_fault_of_one_provider_leaves_the_other_alone(other: Callable[..., Any]) -> None:
    yahoo = other(regions=("KR",))
    master = "/common/master/kospi_code.mst.zip"
    control.set_fault(yahoo.url, kind="http_500", tr="master", count=1)
    control.set_fault(yahoo.url, provider="yahoo", kind="rate_limit", tr="crumb", count=1)
    assert yahoo.raw("GET", "/v8/finance/chart/005930.KS")[0] == 200
    assert [yahoo.raw("GET", path)[0] for path in (master, master)] == [500, 200]
    status, _, text = yahoo.raw("GET", "/v1/test/getcrumb")
    assert (status, text) == (429, TOO_MANY)
    told = json.loads(yahoo.raw("GET", "/_sandbox/faults")[2])
    assert [(fault["provider"], fault["kind"], fault["fired"]) for fault in told] == [
        ("kis", "http_500", 1),
        ("yahoo", "rate_limit", 1),
    ]
    control.clear_faults(yahoo.url)
    assert json.loads(yahoo.raw("GET", "/_sandbox/faults")[2]) == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"provider": "reuters", "kind": "cut"}, "unknown provider 'reuters'; there are kis, yahoo"),
        ({"provider": 3, "kind": "cut"}, "unknown provider 3"),
        ({"provider": "yahoo", "kind": "token_expired"}, "unknown kind 'token_expired'"),
        ({"kind": "delisted"}, "unknown kind 'delisted'"),
        ({"provider": "yahoo", "kind": "cut", "tr": "FHKST03010100"}, "no request has tr 'FHKST03010100'; there are chart"),
        (
            {"provider": "yahoo", "kind": "nulls", "tr": "screener"},
            "'nulls' can't happen to 'screener', only to calls that show it: leave tr out, or give one of chart",
        ),
        ({"provider": "yahoo", "kind": "cut", "tr": "cookie", "code": "AAPL"}, "'cookie' is about no code"),
    ],
)
def test_a_fault_that_can_t_happen_is_refused_in_words(other: Callable[..., Any], wanted: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match="fault: ") as told:
        control.set_fault(other().url, **wanted)
    assert words in str(told.value)


@pytest.mark.parametrize("tr", ["cookie", "crumb", "consent"])
def test_what_only_a_call_shows_is_refused_for_the_rest(other: Callable[..., Any], tr: str) -> None:
    yahoo = other()
    for kind in BENDING:
        with pytest.raises(UsageError, match=f"'{kind}' can't happen to '{tr}'"):
            control.set_fault(yahoo.url, provider="yahoo", kind=kind, tr=tr)


# ---- the limit and the accounts ----


def test_the_third_request_of_a_second_is_refused_whatever_it_asks_for(other: Callable[..., Any]) -> None:
    yahoo = other(enforce_limits=True)
    answers = [yahoo.raw("GET", path) for path in ("/", PAGE, PAGE, "/v1/test/getcrumb")]
    assert [(status, text == TOO_MANY) for status, _, text in answers] == [
        (404, False),
        (200, False),
        (429, True),
        (429, True),
    ]
    report = control.report(yahoo.url, detail=True)
    detail = report["yahoo"].pop("detail")
    assert report["yahoo"] == {
        "requests": 4,
        "by_tr": {"cookie": 1, "chart": 2, "crumb": 1},
        "by_path": {"/": 1, "/v8/finance/chart/": 2, "/v1/test/getcrumb": 1},
        "by_status": {"404": 1, "200": 1, "429": 2},
        "largest_1s": 4,
        "largest_60s": 4,
        "violations": 2,
        "refused": 2,
    }
    assert [(row["tr"], row["code"], row["from"], row["served_rows"]) for row in detail] == [
        ("cookie", "", "", 0),
        ("chart", "AAPL", "5d", 5),
        ("chart", "", "", 0),
        ("crumb", "", "", 0),
    ]
    assert (report["requests"], report["by_path"], report["detail"]) == (0, {}, [])  # KIS was asked nothing
    control.clear_report(yahoo.url)
    assert control.report(yahoo.url)["yahoo"]["requests"] == 0


def test_yahoos_limit_can_be_changed_and_is_not_enforced_where_none_is(other: Callable[..., Any]) -> None:
    yahoo = other()
    assert {yahoo.raw("GET", PAGE)[0] for _ in range(6)} == {200}
    assert control.report(yahoo.url)["yahoo"]["violations"] == 4
    control.set_limits(yahoo.url, enforce=True, yahoo_per_second=7)
    assert json.loads(yahoo.raw("GET", "/_sandbox/limits")[2]) == {
        "enforce": True,
        "per_second": 18,
        "paper_per_second": 1,
        "per_minute": 1000,
        "yahoo_per_second": 7,
    }
    with pytest.raises(UsageError, match="per_second = 0 must be over 0"):
        control.set_limits(yahoo.url, enforce=True, yahoo_per_second=0)
