"""A scripted Yahoo on loopback: what a test wants it to say, and what was asked. The real yfinance runs against it."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest

from adapters.limiter import Limit
from adapters.transport import Attempt
from adapters.yfinance import YfinanceAdapter
from pipeline import settings

#: Status, body (JSON, text or bytes), and headers where an answer needs some of its own.
Reply = tuple[int, Any] | tuple[int, Any, Mapping[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    params: Mapping[str, str]
    cookies: str
    body: Any


@dataclass
class Script:
    """Answers by path, newest first; `charts` by symbol; anything else of Yahoo's cookie pages answers as usual."""

    url: str = ""
    charts: dict[str, Callable[[Asked], Reply]] = field(default_factory=dict)
    pages: dict[str, Callable[[Asked], Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [one.path for one in self.asked]

    def reply(self, one: Asked) -> Reply:
        """What the script says to a request."""
        with self.lock:
            self.asked.append(one)
        if one.path in self.pages:
            return self.pages[one.path](one)
        if one.path == "/":
            return 404, b"", {"Set-Cookie": "A3=d=AQABBPlanted; Path=/; Max-Age=31557600"}
        if one.path == "/v1/test/getcrumb":
            return 200, "PlantedCrumb"
        name = one.path.removeprefix("/v8/finance/chart/")
        return self.charts.get(name, lambda _: not_found())(one)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def _serve(self) -> None:
        url = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = dict(parse_qsl(content.decode()))
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        asked = Asked(self.command, unquote(url.path), params, self.headers.get("cookie", ""), body)
        status, said, *further = self.script.reply(asked)
        text = said if isinstance(said, str | bytes) else json.dumps(said)
        payload = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (further[0] if further else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Quiet: a client that gives up closes its connection."""


@pytest.fixture
def script() -> Iterator[Script]:
    """The scripted server, running."""
    made = Script()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": made}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def settings_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and state folder, and no sandbox from the environment."""
    monkeypatch.delenv("SPOCK_SANDBOX_URL", raising=False)
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOCK_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


Make = Callable[..., YfinanceAdapter]


@pytest.fixture
def adapter_of(script: Script, settings_home: Path) -> Iterator[Make]:
    """`adapter_of(region, limits=(), rule={}, provider={}, on_attempt=…, **transport)`: adapters on the script, closed at the
    end.
    """
    made: list[YfinanceAdapter] = []

    def make(
        region: str,
        limits: Sequence[Limit] = (),
        rule: Mapping[str, Any] | None = None,
        provider: Mapping[str, Any] | None = None,
        on_attempt: Callable[[Attempt], None] | None = None,
        **transport: Any,
    ) -> YfinanceAdapter:
        config = settings.get_config(region)
        quick = {"backoff_base": 0.01, "backoff_max": 0.02, **transport}
        yahoo = config.providers["yfinance"].model_copy(update=dict(provider or {}))
        config = config.model_copy(
            update={
                "providers": {**config.providers, "yfinance": yahoo},
                "transport": config.transport.model_copy(update=quick),
                "universe": config.universe.model_copy(update=dict(rule or {})),
            }
        )
        state = settings.state_dir()
        made.append(YfinanceAdapter(config, state_dir=state, origin=script.url, limits=limits, on_attempt=on_attempt))
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


def not_found() -> Reply:
    """What Yahoo says of a symbol it does not know, and of any symbol while it blocks."""
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    return 404, {"chart": {"result": None, "error": error}}


def at(day: str, clock: str = "09:00", zone: str = "Asia/Seoul") -> int:
    """A venue's local time in unix seconds."""
    return int(dt.datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(zone)).timestamp())


def answer(symbol: str, rows: Sequence[tuple[int, Any, Any, Any, Any, Any]], **meta: Any) -> dict[str, Any]:
    """A chart of rows (time, open, high, low, close, volume); `events` and members of `meta` by name."""
    events = meta.pop("events", None)
    head = {
        "currency": "KRW",
        "symbol": symbol,
        "exchangeTimezoneName": "Asia/Seoul",
        "firstTradeDate": at("2000-01-04"),
        "regularMarketTime": at("2026-11-20", "15:30"),
        **meta,
    }
    columns = list(zip(*rows, strict=True)) or [()] * 6
    quote = dict(zip(("open", "high", "low", "close", "volume"), map(list, columns[1:]), strict=True)) if rows else {}
    result: dict[str, Any] = {"meta": head, "indicators": {"quote": [quote], "adjclose": [{"adjclose": []}]}}
    if rows:
        result["timestamp"] = list(columns[0])
    if events is not None:
        result["events"] = events
    return {"chart": {"result": [result], "error": None}}


def chart(symbol: str, rows: Sequence[tuple[int, Any, Any, Any, Any, Any]], **meta: Any) -> Callable[[Asked], Reply]:
    """`answer` as a reply to any request."""
    said = answer(symbol, rows, **meta)
    return lambda _: (200, said)


@pytest.fixture
def yahoo() -> Any:
    """The makers above, for tests in other files."""
    from types import SimpleNamespace

    return SimpleNamespace(at=at, chart=chart, answer=answer, not_found=not_found)
