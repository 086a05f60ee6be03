"""Yahoo's quotes, screens, cookies and crumbs as a client sees them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from adapters.sandbox.yahoo_symbols import kind_of, spelled

# ---- quotes and screens ----


def test_a_quote_has_the_market_value_in_the_major_currency(yahoo: Any) -> None:
    made = yahoo.market("UK")
    name = made.find("LLOY")
    assert name is not None
    (quoted,) = yahoo.quotes("LLOY.L")
    newest, before = made.bars("LLOY", date.min, date.max, yahoo.now, 2)
    price = newest.close / made.scale
    wanted = {
        "symbol": "LLOY.L", "currency": "GBp", "exchange": "LSE", "quoteType": "EQUITY", "marketState": "CLOSED",
        "regularMarketPrice": price, "regularMarketOpen": newest.open / made.scale,
        "regularMarketDayHigh": newest.high / made.scale, "regularMarketDayLow": newest.low / made.scale,
        "regularMarketPreviousClose": before.close / made.scale, "regularMarketVolume": newest.volume,
        "regularMarketTime": int(datetime(2026, 11, 20, 16, 30, tzinfo=UTC).timestamp()),
        "sharesOutstanding": name.shares, "exchangeTimezoneName": "Europe/London", "longName": "LLOYDS BANKING GROUP PLC",
        "firstTradeDateMilliseconds": int(datetime(2015, 1, 2, 8, 0, tzinfo=UTC).timestamp()) * 1000,
    }  # fmt: skip
    assert {member: quoted[member] for member in wanted} == wanted
    assert quoted["marketCap"] == pytest.approx(name.shares * price / 100, rel=1e-6)


def test_quotes_come_in_the_order_they_are_asked_for_without_the_unknown(yahoo: Any) -> None:
    quoted = yahoo.quotes("0700.HK", "NOPE", "^GSPC", "brk-b")
    assert [(told["symbol"], told["quoteType"]) for told in quoted] == [
        ("0700.HK", "EQUITY"), ("^GSPC", "INDEX"), ("BRK-B", "EQUITY")
    ]  # fmt: skip
    shares = yahoo.market("HK").find("00700")
    assert shares is not None
    assert quoted[0]["sharesOutstanding"] == shares.shares * 5  # a 5:1 split has come


def eq(name: str, *values: Any) -> dict[str, Any]:
    """One condition."""
    return {"operator": "EQ", "operands": [name, *values]}


def test_pages_of_a_screen_make_up_the_whole_by_value(yahoo: Any) -> None:
    query = {"operator": "OR", "operands": [eq("exchange", "NMS"), eq("exchange", "NYQ"), eq("exchange", "ASE")]}
    ordering = {"sortField": "intradaymarketcap", "sortType": "DESC"}
    stocks = {spelled("US", name) for name in yahoo.market("US").names(yahoo.now) if kind_of(name) == "EQUITY"}
    pages = {}
    for size in (250, 99):
        starts = range(0, len(stocks), size)
        pages[size] = [yahoo.screen(query, size=size, offset=at, **ordering)[1] for at in starts]
        told = [(page["start"], page["count"], page["total"]) for page in pages[size]]
        assert told == [(at, min(size, len(stocks) - at), len(stocks)) for at in starts]
    whole, again = ([quoted for page in pages[size] for quoted in page["quotes"]] for size in pages)
    assert whole == again
    assert {quoted["symbol"] for quoted in whole} == stocks
    values = [quoted["marketCap"] for quoted in whole]
    assert values == sorted(values, reverse=True)
    assert len(stocks) > 250


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        (eq("region", "au"), lambda told: told["symbol"].endswith(".AX")),
        (eq("exchange", "KOE"), lambda told: told["symbol"].endswith(".KQ")),
        (
            {"operator": "AND", "operands": [eq("region", "kr"), {"operator": "GT", "operands": ["intradaymarketcap", 1e13]}]},
            lambda told: told["symbol"][-3:] in (".KS", ".KQ") and told["marketCap"] > 1e13,
        ),
        (
            {"operator": "AND", "operands": [eq("region", "jp"), {"operator": "LT", "operands": ["intradayprice", 3000]}]},
            lambda told: told["symbol"].endswith(".T") and told["regularMarketPrice"] < 3000,
        ),
        (
            {"operator": "AND", "operands": [
                eq("region", "hk"), {"operator": "BTWN", "operands": ["intradaymarketcap", 1e11, 1e12]}
            ]},
            lambda told: told["symbol"].endswith(".HK") and 1e11 <= told["marketCap"] <= 1e12,
        ),
    ],
)  # fmt: skip
def test_conditions_of_a_screen(yahoo: Any, query: Any, fits: Callable[[Any], bool]) -> None:
    everything = {"operator": "GTE", "operands": ["dayvolume", 0]}
    quotes: list[Any] = []
    while page := yahoo.screen(everything, size=250, offset=len(quotes), sortField="ticker", sortType="ASC")[1]["quotes"]:
        quotes += page
    found = yahoo.screen(query, size=250, sortField="ticker", sortType="ASC")[1]["quotes"]
    assert found == [quoted for quoted in quotes if fits(quoted)] != []


@pytest.mark.parametrize(("region", "main", "second", "suffix"), [("de", "GER", "FRA", ".F"), ("gb", "LSE", "CXE", ".XC")])
def test_a_few_shares_appear_twice_under_a_region_key(yahoo: Any, region: str, main: str, second: str, suffix: str) -> None:
    quotes = yahoo.screen(eq("region", region), size=250)[1]["quotes"]
    by_exchange = {code: [told for told in quotes if told["exchange"] == code] for code in (main, second)}
    assert len(quotes) == sum(len(found) for found in by_exchange.values())
    assert len(by_exchange[second]) == 3
    for told in by_exchange[second]:
        stem = told["symbol"].removesuffix(suffix)
        assert any(line["symbol"].rpartition(".")[0] == stem for line in by_exchange[main])
        assert yahoo.chart(told["symbol"], range="1d")[1]["meta"]["exchangeName"] == second


def test_funds_are_screened_as_funds(yahoo: Any) -> None:
    status, result = yahoo.screen(eq("region", "us"), size=5, quoteType="ETF")
    assert (status, {quoted["quoteType"] for quoted in result["quotes"]}) == (200, {"ETF"})


@pytest.mark.parametrize(
    ("query", "body"),
    [
        (eq("sector", "Technology"), {}),
        (eq("region"), {}),
        ({"operator": "NEAR", "operands": ["region", "us"]}, {}),
        ({"operator": "GT", "operands": ["intradaymarketcap", "1"]}, {}),
        ({"operator": "AND", "operands": ["region"]}, {}),
        (None, {}),
        (eq("region", "us"), {"size": 251}),
        (eq("region", "us"), {"offset": -1}),
        (eq("region", "us"), {"sortField": "beauty"}),
    ],
)
def test_a_screen_that_makes_no_sense_is_a_bad_request(yahoo: Any, query: Any, body: dict[str, Any]) -> None:
    status, text = yahoo.screen(query, **body)
    assert (status, text[:16]) == (400, "Invalid input - ")


# ---- cookies and crumbs ----


@pytest.mark.parametrize("page", ["/", "/copyConsent?sessionId=3"])
def test_a_crumb_opens_quotes_to_the_bearer_of_its_cookie_alone(yahoo: Any, other: Callable[..., Any], page: str) -> None:
    client = other()
    assert client.ask("GET", "/v1/test/getcrumb")[0] == 401
    client.login(page)
    assert (len(client.crumb), client.ask("GET", "/v7/finance/quote", symbols="AAPL")[0]) == (11, 200)
    assert "Set-Cookie" not in client.raw("GET", page)[1]  # who has a cookie keeps it
    client.crumb = yahoo.crumb
    status, body = client.ask("GET", "/v10/finance/quoteSummary/AAPL", modules="price")
    error = {"code": "Unauthorized", "description": "Invalid Crumb"}
    assert (status, body) == (401, {"finance": {"result": None, "error": error}})
    assert client.chart("AAPL", range="1d")[0] == 200


def test_fc_answers_not_found_and_the_consent_page_has_its_form(yahoo: Any) -> None:
    assert yahoo.raw("GET", "/")[0] == 404
    status, _, text = yahoo.raw("GET", "/consent")
    assert status == 200
    assert b'name="csrfToken" value="' in text
    assert b'name="sessionId" value="3_cc-session_' in text


def test_summary_and_share_count(yahoo: Any) -> None:
    _, body = yahoo.ask("GET", "/v10/finance/quoteSummary/CBA.AX", modules="quoteType,summaryDetail,assetProfile")
    (told,) = body["quoteSummary"]["result"]
    assert sorted(told) == ["quoteType", "summaryDetail"]
    assert (told["quoteType"]["exchange"], told["summaryDetail"]["currency"]) == ("ASX", "AUD")
    status, body = yahoo.ask("GET", "/v10/finance/quoteSummary/NOPE", modules="quoteType")
    error = {"code": "Not Found", "description": "Quote not found for symbol: NOPE"}
    assert (status, body) == (404, {"quoteSummary": {"result": None, "error": error}})
    path = "/ws/fundamentals-timeseries/v1/finance/timeseries/"
    (counted,) = yahoo.ask("GET", f"{path}CBA.AX")[1]["timeseries"]["result"]
    name = yahoo.market("AU").find("CBA")
    assert name is not None
    assert counted["shares_out"] == [name.shares]
    assert yahoo.ask("GET", f"{path}NOPE")[1]["timeseries"]["result"] == [{"meta": {"symbol": ["NOPE"]}}]


def test_a_clock_before_the_calendar_is_a_server_error_in_words(other: Callable[..., Any]) -> None:
    yahoo = other(regions=("KR",), now=datetime(1999, 1, 4, 12, tzinfo=UTC))
    yahoo.login()
    status, text = yahoo.screen(eq("region", "kr"))
    assert (status, "XKRX" in text) == (500, True)
