"""The sandbox's Yahoo and a bare HTTP client of it, with the markets its answers are checked against."""

from __future__ import annotations

import http.client
import json
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.market import Bar
from adapters.sandbox.regions import PROFILES, split
from adapters.sandbox.server import Sandbox

#: Friday 2026-11-20, 22:00 UTC: every venue has closed, and Asia has not opened again.
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
#: Enough for the smallest regions to have all their written-out names.
TICKERS = 500


class Yahoo:
    """One keep-alive connection with its cookie and crumb."""

    now = NOW

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        self.cookie, self.crumb = "", ""

    def raw(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        data = None if body is None else json.dumps(body)
        self.connection.request(method, path, data, {"cookie": self.cookie} if self.cookie else {})
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def login(self, page: str = "/") -> None:
        """A cookie from `page`, then its crumb."""
        given = self.raw("GET", page)[1].get("Set-Cookie")
        self.cookie = given.partition(";")[0] if given else self.cookie
        self.crumb = self.raw("GET", "/v1/test/getcrumb")[2].decode()

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> tuple[int, Any]:
        """Status and JSON body of a call, with the crumb if there is one."""
        asked = {**params, **({"crumb": self.crumb} if self.crumb else {})}
        status, _, text = self.raw(method, f"{path}?{urlencode(asked)}", body)
        return status, json.loads(text)

    def chart(self, symbol: str, **params: str) -> tuple[int, Any]:
        """Status and result of a chart; of an error its code and description."""
        status, body = self.ask("GET", f"/v8/finance/chart/{quote(symbol)}", **params)
        told = body["chart"]
        return status, told["result"][0] if status == 200 else (told["error"]["code"], told["error"]["description"])

    def days(self, symbol: str, start: date, until: date, **params: str) -> Any:
        """The chart of the days from `start` up to but without `until`, with events."""
        bounds = {f"period{at}": str(self.seconds(day)) for at, day in ((1, start), (2, until))}
        status, result = self.chart(symbol, interval="1d", events="div,splits,capitalGains", **bounds, **params)
        assert status == 200, result
        return result

    def quotes(self, *symbols: str) -> list[dict[str, Any]]:
        """The quote objects of some symbols."""
        status, body = self.ask("GET", "/v7/finance/quote", symbols=",".join(symbols))
        assert status == 200, body
        return list(body["quoteResponse"]["result"])

    def screen(self, query: Any, **body: Any) -> tuple[int, Any]:
        """Status and result of a screen; of an error its description."""
        status, told = self.ask("POST", "/v1/finance/screener", {"query": query, "quoteType": "EQUITY", **body})
        return status, told["finance"]["result"][0] if status == 200 else told["finance"]["error"]["description"]

    @staticmethod
    def seconds(day: date) -> int:
        """Midnight UTC of a day."""
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())

    @staticmethod
    def column(result: Any, name: str) -> list[Any]:
        """One array of a chart."""
        return list(result["indicators"]["quote"][0][name])

    @staticmethod
    def single(number: float) -> float:
        """A number as single precision keeps it."""
        return float(struct.unpack("<f", struct.pack("<f", number))[0])

    @staticmethod
    def market(region: str) -> GeneratedMarket:
        """The market that the sandbox of all regions serves."""
        return _market(region)

    def bars(self, region: str, code: str, start: date, until: date, now: datetime = NOW) -> list[Bar]:
        """The market's raw bars, ascending."""
        return self.market(region).bars(code, start, until, now)[::-1]


@cache
def _market(region: str) -> GeneratedMarket:
    return GeneratedMarket(region=region, seed=1, tickers=split(TICKERS, tuple(PROFILES))[region])


@pytest.fixture(scope="session")
def everywhere() -> Iterator[Sandbox]:
    """All regions, frozen, without limits; no test changes it."""
    with Sandbox(now=NOW, tickers=TICKERS, enforce_limits=False) as running:
        yield running


@pytest.fixture(scope="module")
def yahoo(everywhere: Sandbox) -> Iterator[Yahoo]:
    """A client of all regions with cookie and crumb."""
    client = Yahoo(everywhere.url)
    client.login()
    yield client
    client.connection.close()


@pytest.fixture
def other() -> Iterator[Callable[..., Yahoo]]:
    """Starts another sandbox, of twelve US names unless told otherwise, and gives a client of it."""
    with ExitStack() as stack:

        def begin(**wanted: Any) -> Yahoo:
            settings = {"now": NOW, "regions": ("US",), "tickers": 12, "enforce_limits": False, **wanted}
            client = Yahoo(stack.enter_context(Sandbox(**settings)).url)
            stack.callback(client.connection.close)
            return client

        yield begin
