"""A sandbox on loopback and a bare HTTP client that speaks to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from adapters.sandbox.control import APP_KEY, APP_SECRET
from adapters.sandbox.server import Sandbox

#: Friday 2026-11-20, 21:00 in Seoul: the session is over.
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUOTATIONS = "/uapi/domestic-stock/v1/quotations/"


class Client:
    """One keep-alive connection; `ask` returns (status, headers, JSON body)."""

    def __init__(self, url: str, app_key: str = APP_KEY, app_secret: str = APP_SECRET) -> None:
        self.app_key, self.app_secret = app_key, app_secret
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        self.token = ""

    def raw(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """The answer with its headers as they stand on the wire."""
        data = None if body is None else json.dumps(body)
        self.connection.request(method, path, data, headers or {})
        answer = self.connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Status, headers and parsed body."""
        status, names, text = self.raw(method, path, body, headers)
        return status, names, json.loads(text)

    def login(self) -> tuple[int, Any]:
        """POST /oauth2/tokenP; keeps the token of a 200."""
        keys = {"grant_type": "client_credentials", "appkey": self.app_key, "appsecret": self.app_secret}
        status, _, body = self.ask("POST", "/oauth2/tokenP", keys)
        if status == 200:
            self.token = body["access_token"]
        return status, body

    def headers(self, tr: str) -> dict[str, str]:
        """What a data call carries."""
        return {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {self.token}",
            "appkey": self.app_key,
            "appsecret": self.app_secret,
            "tr_id": tr,
            "custtype": "P",
        }

    def get(self, tr: str, path: str, **params: str) -> tuple[int, Any]:
        """One data call: status and body."""
        if not self.token:
            self.login()
        status, _, body = self.ask("GET", f"{QUOTATIONS}{path}?{urlencode(params)}", headers=self.headers(tr))
        return status, body

    def daily(self, code: str, start: str, until: str, **changed: str) -> tuple[int, Any]:
        """FHKST03010100, raw daily rows unless told otherwise."""
        params = {
            "FID_COND_MRKT_DIV_CODE": "J",
            "FID_INPUT_ISCD": code,
            "FID_INPUT_DATE_1": start,
            "FID_INPUT_DATE_2": until,
            "FID_PERIOD_DIV_CODE": "D",
            "FID_ORG_ADJ_PRC": "1",
        }
        return self.get("FHKST03010100", "inquire-daily-itemchartprice", **{**params, **changed})


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Starts sandboxes (frozen at `NOW` unless told otherwise) and stops them after the test."""
    with ExitStack() as stack:

        def begin(**wanted: Any) -> Sandbox:
            return stack.enter_context(Sandbox(**{"now": NOW, "regions": ("KR",), "tickers": 12, **wanted}))

        yield begin


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Opens clients and closes their connections after the test."""
    clients: list[Client] = []

    def open_client(url: str, **wanted: str) -> Client:
        clients.append(Client(url, **wanted))
        return clients[-1]

    yield open_client
    for client in clients:
        client.connection.close()


@pytest.fixture
def now() -> datetime:
    """The frozen present of `start`."""
    return NOW
