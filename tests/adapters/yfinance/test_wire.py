"""How Yahoo is asked: cookies and crumbs, slots, what a 429 stops, what is repeated, where nothing is sent."""

from __future__ import annotations

import datetime as dt
import os
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.base import History, Instrument
from adapters.breaker import open_breakers
from adapters.limiter import Limit
from adapters.transport import Attempt
from adapters.yfinance import YfinanceAdapter
from pipeline import settings
from pipeline.errors import ConfigError, Unavailable

Make = Callable[..., YfinanceAdapter]
SAMSUNG = Instrument("KR", "005930", "XKRX", "KRW")
CHART = "/v8/finance/chart/005930.KS"
COOKIE, CRUMB = "/", "/v1/test/getcrumb"


def ask(adapter: YfinanceAdapter) -> History:
    return adapter.history(SAMSUNG, dt.date(2026, 11, 16), dt.date(2026, 11, 20))


@pytest.fixture
def good(script: Any, yahoo: Any) -> Any:
    """A reply with one bar; the script serves it."""
    reply = yahoo.chart("005930.KS", [(yahoo.at("2026-11-18"), 1, 1, 1, 1, 1)])
    script.charts["005930.KS"] = reply
    return reply


def in_turn(*replies: Any) -> Callable[[Any], Any]:
    """The replies one after the other, the last one for ever; a callable is called."""
    left, lock = list(replies), threading.Lock()

    def reply(asked: Any) -> Any:
        with lock:
            one = left.pop(0) if len(left) > 1 else left[0]
        return one(asked) if callable(one) else one

    return reply


@pytest.mark.usefixtures("good")
def test_all_regions_of_a_process_share_one_cookie_and_one_crumb(script: Any, adapter_of: Make) -> None:
    script.charts["AAPL"] = script.charts["005930.KS"]
    korea, america = adapter_of("KR"), adapter_of("US")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ask(korea), range(8)))
    with pytest.raises(Unavailable, match="asked for AAPL"):
        america.history(Instrument("US", "AAPL", "XNAS", "USD"), dt.date(2026, 11, 16), dt.date(2026, 11, 20))
    assert sorted(script.paths()) == sorted([COOKIE, CRUMB, *[CHART] * 8, "/v8/finance/chart/AAPL"])
    assert {one.cookies for one in script.asked if one.path == CHART} == {"A3=d=AQABBPlanted"}


@pytest.mark.usefixtures("good")
def test_every_request_takes_a_slot_and_is_told(script: Any, adapter_of: Make) -> None:
    heard: list[Attempt] = []
    adapter = adapter_of("KR", limits=(Limit(2, 0.3),), on_attempt=heard.append)
    started = time.monotonic()
    ask(adapter)
    ask(adapter)
    assert time.monotonic() - started >= 0.3, "four requests, two in any 0.3 s"
    assert script.paths() == [COOKIE, CRUMB, CHART, CHART]
    assert [(one.provider, one.capability, one.outcome, one.status) for one in heard] == [
        *(("yfinance", "history", "ok", 404), ("yfinance", "history", "ok", 200)),
        *(("yfinance", "history", "ok", 200), ("yfinance", "history", "ok", 200)),
    ]
    assert adapter.sent == 4


def test_after_a_429_nobody_of_the_machine_asks_for_an_hour(script: Any, adapter_of: Make, good: Any) -> None:
    script.charts["005930.KS"] = in_turn((429, "Too Many Requests\r\n"), good)
    heard: list[Attempt] = []
    first = adapter_of("KR", limits=(Limit(1000, 1.0),), on_attempt=heard.append)
    with pytest.raises(Unavailable, match=r"HTTP 429, too many requests.*not asked") as caught:
        ask(first)
    assert caught.value.retry_at is not None
    assert (caught.value.retry_at - dt.datetime.now(dt.UTC)).total_seconds() == pytest.approx(3600, abs=10)
    assert heard[-1].outcome == "rate_limited"
    asked = len(script.asked)
    other = adapter_of("AU", limits=(Limit(1000, 1.0),), breaker_failures=7)
    with pytest.raises(Unavailable, match="any request: not asked"):
        other.listing(Instrument("AU", "BHP", "XASX", "AUD"))
    assert len(script.asked) == asked


def test_when_the_time_is_up_one_good_answer_opens_the_way_again(script: Any, adapter_of: Make, good: Any) -> None:
    script.charts["005930.KS"] = in_turn((429, "Too Many Requests\r\n"), good)
    adapter = adapter_of("KR", provider={"rate_limit_seconds": 0.2})
    with pytest.raises(Unavailable):
        ask(adapter)
    time.sleep(0.25)
    assert [ask(adapter).bars.height for _ in range(2)] == [1, 1]
    assert open_breakers(settings.state_dir()) == []


@pytest.mark.parametrize("reply", [(429, "Too Many Requests\r\n"), (200, "Too Many Requests\r\n")])
@pytest.mark.usefixtures("good")
def test_a_crumb_refused_for_asking_too_often_stops_as_well(script: Any, adapter_of: Make, reply: Any) -> None:
    script.pages[CRUMB] = lambda _: reply
    with pytest.raises(Unavailable, match="too many requests"):
        ask(adapter_of("KR"))
    assert script.paths() == [COOKIE, CRUMB]


@pytest.mark.parametrize(
    "fault",
    [(500, "oops"), (503, ""), (200, ""), (200, "<html>Will be right back</html>"), (200, b'{"chart": {"result": [{"me')],
    ids=["500", "503", "empty", "closed", "cut"],
)
def test_a_passing_fault_is_repeated_with_nothing_kept(script: Any, adapter_of: Make, good: Any, fault: Any) -> None:
    script.charts["005930.KS"] = in_turn(fault, good)
    heard: list[Attempt] = []
    assert ask(adapter_of("KR", on_attempt=heard.append)).bars.height == 1
    assert script.paths() == [COOKIE, CRUMB, CHART] * 2
    assert [one.outcome for one in heard] == ["ok", "ok", "transient", "ok", "ok", "ok"]


def test_attempts_are_bounded_and_counted_in_words(script: Any, adapter_of: Make) -> None:
    script.charts["005930.KS"] = lambda _: (500, "oops")
    with pytest.raises(Unavailable) as caught:
        ask(adapter_of("KR"))
    said = f"yfinance: GET query2.finance.yahoo.com{CHART}: HTTP 500 (×3)"
    assert str(caught.value) == said


def test_a_stale_crumb_is_fetched_anew_the_other_way(script: Any, adapter_of: Make, good: Any) -> None:
    """The library's second way: a consent page, a form, another crumb."""
    script.charts["005930.KS"] = in_turn((401, {"finance": {"error": {"code": "Unauthorized"}}}), good)
    script.pages["/consent"] = lambda _: (200, '<input name="csrfToken" value="t"><input name="sessionId" value="s">')
    for page in ("/v2/collectConsent", "/copyConsent"):
        script.pages[page] = lambda _: (200, "")
    assert ask(adapter_of("KR")).bars.height == 1
    assert script.paths() == [COOKIE, CRUMB, CHART, "/consent", "/v2/collectConsent", "/copyConsent", CRUMB, CHART]


def test_a_provider_that_never_lets_us_in_is_unavailable(script: Any, adapter_of: Make) -> None:
    script.charts["005930.KS"] = lambda _: (401, "Invalid Crumb")
    script.pages["/consent"] = lambda _: (500, "no form here")
    with pytest.raises(Unavailable, match="HTTP 401, with another cookie and crumb too"):
        ask(adapter_of("KR"))
    assert script.paths().count(CHART) == 6


def test_redirects_are_followed_within_the_provider_and_nowhere_else(script: Any, adapter_of: Make, good: Any) -> None:
    script.charts["005930.KS"] = in_turn((302, "", {"Location": "https://query1.finance.yahoo.com/elsewhere?a=1"}))
    script.pages["/elsewhere"] = good
    assert ask(adapter_of("KR")).bars.height == 1
    assert script.asked[-1].params == {"a": "1"}
    for place in ("https://example.com/x", "http://query1.finance.yahoo.com/x", "https://yahoo.com.example.com/x"):
        script.charts["005930.KS"] = in_turn((302, "", {"Location": place}))
        with pytest.raises(Unavailable, match="is none of its hosts; not asked"):
            ask(adapter_of("KR"))


@pytest.mark.parametrize("defect", [KeyError("planted"), TypeError("planted"), OSError("planted")], ids=repr)
@pytest.mark.parametrize("since", [0, 2], ids=["while a cookie is fetched", "at the answer"])
@pytest.mark.usefixtures("good")
def test_a_defect_of_ours_is_not_taken_for_the_librarys(script: Any, adapter_of: Make, defect: Exception, since: int) -> None:
    heard: list[Attempt] = []

    def hook(attempt: Attempt) -> None:
        heard.append(attempt)
        if len(heard) == since + 1:
            raise defect

    with pytest.raises(type(defect)) as caught:
        ask(adapter_of("KR", on_attempt=hook))
    assert caught.value is defect
    assert script.paths() == [COOKIE, CRUMB, CHART][: since + 1]


@pytest.mark.usefixtures("good")
def test_a_silent_server_ends_with_the_deadline(script: Any, adapter_of: Make) -> None:
    release = threading.Event()
    script.charts["005930.KS"] = lambda _: (release.wait(10), (200, ""))[1]
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"no whole answer within 0\.\d s \(Timeout\)"):
        ask(adapter_of("KR", connect_timeout=0.1, deadline=0.3))
    release.set()
    assert time.monotonic() - started < 5


def test_failures_in_a_row_open_the_breaker(script: Any, adapter_of: Make) -> None:
    script.charts["005930.KS"] = lambda _: (500, "")
    with pytest.raises(Unavailable, match="history: not asked, the last requests failed") as caught:
        ask(adapter_of("KR", breaker_failures=2))
    assert caught.value.retry_at is not None
    assert script.paths().count(CHART) == 2


@pytest.mark.usefixtures("good", "script")
def test_nothing_is_kept_outside_of_the_state_folder(adapter_of: Make) -> None:
    from yfinance import cache

    ask(adapter_of("KR"))
    folder = settings.state_dir() / "yfinance"
    assert cache._CookieDBManager.get_location() == cache._TzDBManager.get_location() == str(folder)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700


@pytest.mark.parametrize("origin", ["http://example.com", "http://192.168.1.5:8800"])
def test_a_sandbox_elsewhere_is_not_spoken_to_in_clear(origin: str) -> None:
    with pytest.raises(ConfigError, match="use https://"):
        YfinanceAdapter(settings.get_config("KR"), state_dir=settings.state_dir(), origin=origin, limits=())
