"""A scripted KIS on loopback: what a test wants the wire to say, and what was asked."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapters.base import Instrument
from adapters.kis import Credentials, KisAdapter
from pipeline.settings import get_config

KEY = "K" * 36
SECRET = "S" * 180
#: Status and body, and headers where an answer needs some of its own.
Reply = tuple[int, Any] | tuple[int, Any, Mapping[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass
class Script:
    """Answers by transaction id; `token` answers the token call, `files` the master files; a body may be bytes."""

    url: str = ""
    answers: dict[str, Callable[[Asked], Reply]] = field(default_factory=dict)
    token: Callable[[int], Reply] = lambda number: (200, {"access_token": f"token-{number}", "expires_in": 86400})
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, tr: str) -> list[Asked]:
        """Requests of one transaction."""
        return [one for one in self.asked if one.headers.get("tr_id") == tr]

    def issues(self) -> int:
        """Token requests."""
        return sum(one.path == "/oauth2/tokenP" for one in self.asked)

    def reply(self, one: Asked) -> Reply:
        """What the script says to a request."""
        with self.lock:
            self.asked.append(one)
            number = self.issues()
        if one.path == "/oauth2/tokenP":
            return self.token(number)
        if one.path.startswith("/files/"):
            content = self.files.get(one.path.removeprefix("/files/"))
            return (404, b"") if content is None else (200, content)
        return self.answers[one.headers["tr_id"]](one)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def _serve(self) -> None:
        url = urlsplit(self.path)
        size = int(self.headers.get("content-length") or 0)
        content = json.loads(self.rfile.read(size)) if size else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, url.path, dict(parse_qsl(url.query, keep_blank_values=True)), headers, content)
        status, body, *further = self.script.reply(asked)
        payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (further[0] if further else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def script() -> Iterator[Script]:
    """The scripted server, running."""
    made = Script()
    handler = type("Handler", (_Handler,), {"script": made})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and state folder, no sandbox and no keys from the environment."""
    for name in ("SPOCK_SANDBOX_URL", "KIS_APP_KEY", "KIS_APP_SECRET", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOCK_STATE_DIR", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def adapter(script: Script, settings_home: Path) -> Iterator[KisAdapter]:
    """A KIS adapter that speaks to the script, without limits and with quick back-off."""
    made = make_adapter(script, settings_home / "state")
    yield made
    made.close()


@pytest.fixture
def us_adapter(script: Script, settings_home: Path) -> Iterator[KisAdapter]:
    """As `adapter`, for US."""
    made = make_adapter(script, settings_home / "state", region="US")
    yield made
    made.close()


def make_adapter(
    script: Script,
    state_dir: Path,
    account: str = "real",
    *,
    region: str = "KR",
    rule: Mapping[str, Any] | None = None,
    partial_lists: bool = False,
) -> KisAdapter:
    """An adapter of a region's settings on the scripted host; `rule` changes the region's universe rule."""
    config = get_config(region)
    transport = config.transport.model_copy(update={"backoff_base": 0.01, "backoff_max": 0.05, "attempts": 3})
    kis = config.providers["kis"].model_copy(update={"account": account})
    universe = config.universe.model_copy(update=dict(rule or {}))
    config = config.model_copy(
        update={"transport": transport, "providers": {**config.providers, "kis": kis}, "universe": universe}
    )
    return KisAdapter(
        config,
        Credentials(KEY, SECRET),
        state_dir=state_dir,
        base_url=script.url,
        files_url=f"{script.url}/files/",
        limits=(),
        partial_lists=partial_lists,
    )


@pytest.fixture
def adapter_on() -> Iterator[Callable[..., KisAdapter]]:
    """`adapter_on(script, state_dir, account="real", …)`: further adapters beside the first, closed at the end."""
    made: list[KisAdapter] = []

    def make(*args: Any, **kwargs: Any) -> KisAdapter:
        made.append(make_adapter(*args, **kwargs))
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def samsung() -> Instrument:
    """005930 on KOSPI."""
    return Instrument("KR", "005930", "XKRX", "KRW")


def bar_row(date: dt.date, close: int = 1000, **fields: Any) -> dict[str, Any]:
    """One daily row as KIS writes it."""
    return {
        "stck_bsop_date": date.strftime("%Y%m%d"),
        "stck_clpr": str(close),
        "stck_oprc": str(close - 5),
        "stck_hgpr": str(close + 10),
        "stck_lwpr": str(close - 10),
        "acml_vol": "12345",
        "acml_tr_pbmn": "12345000",
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": "2",
        "prdy_vrss": "5",
        "revl_issu_reas": "",
        **fields,
    }


def chart(rows: list[Any], code: str | None = None, **extra: Any) -> Reply:
    """A successful daily chart."""
    head = {} if code is None else {"stck_shrn_iscd": code}
    ok = {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."}
    return 200, {**ok, "output1": {**head, **extra}, "output2": rows}


def served(series: list[dict[str, Any]], limit: int = 100) -> Callable[[Asked], Reply]:
    """A chart that serves `series` (any order) by the asked window, newest first, at most `limit` rows."""

    def answer(one: Asked) -> Reply:
        first, until = one.params["FID_INPUT_DATE_1"], one.params["FID_INPUT_DATE_2"]
        rows = sorted((row for row in series if first <= row["stck_bsop_date"] <= until), key=lambda row: row["stck_bsop_date"])
        rows = rows[::-1][:limit]
        return chart(rows or [{}], one.params["FID_INPUT_ISCD"])

    return answer


@pytest.fixture
def wire_rows() -> Any:
    """The row and answer makers above, for tests in other files."""
    from types import SimpleNamespace

    return SimpleNamespace(bar_row=bar_row, chart=chart, served=served)
