"""The client's side of /_sandbox/*, and the server's lifetime."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox import control
from adapters.sandbox.control import SandboxInfo
from adapters.sandbox.server import Sandbox
from pipeline.calendars import calendar
from pipeline.errors import Unavailable, UsageError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stranger() -> Iterator[str]:
    """The URL of a web server that is no sandbox."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def overseas(client: Any, exchange: str, symbol: str) -> list[dict[str, str]]:
    """The newest daily bars of a US name, as the wire has them."""
    if not client.token:
        client.login()
    asked = {"AUTH": "", "EXCD": exchange, "SYMB": symbol, "GUBN": "0", "BYMD": "", "MODP": "0", "KEYB": ""}
    path = f"/uapi/overseas-price/v1/quotations/dailyprice?{urlencode(asked)}"
    status, _, body = client.ask("GET", path, headers=client.headers("HHDFS76240000"))
    assert status == 200, body
    return list(body["output2"])


def test_a_sandbox_says_its_time_and_mode(start: Callable[..., Sandbox], now: datetime) -> None:
    assert control.fetch_info(start(enforce_limits=False).url + "/") == SandboxInfo(now, True, False, "generated")


def test_the_clock_freezes_moves_and_runs_again(start: Callable[..., Sandbox], now: datetime) -> None:
    url = start(now=None).url
    running = control.fetch_info(url)
    assert running.frozen is False
    assert abs(running.now - datetime.now(UTC)) < timedelta(seconds=5)
    control.set_clock(url, now)
    assert control.fetch_info(url).now == now
    control.set_clock(url, None)
    assert control.fetch_info(url).frozen is False


def test_a_time_without_a_zone_is_refused(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    with pytest.raises(UsageError, match="no timezone"):
        control.set_clock(sandbox.url, datetime(2026, 11, 20, 21))  # noqa: DTZ001 (that is the mistake)
    client = connect(sandbox.url)
    for body in ({"now": "2026-11-20T21:00"}, {"now": "tonight"}, {}, [1]):
        status, _, answer = client.ask("POST", "/_sandbox/clock", body)
        assert status == 400
        assert answer["error"]


def test_an_unknown_route_lists_the_known_ones(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    status, _, body = connect(start().url).ask("GET", "/_sandbox/weather")
    assert status == 404
    assert "GET report" in body["error"]


def test_nobody_listening_is_unavailable_in_words() -> None:
    with Sandbox(regions=("KR",), tickers=12) as sandbox:
        url = sandbox.url
    with pytest.raises(Unavailable, match="spock sandbox"):
        control.fetch_info(url)


def test_another_server_is_no_sandbox(stranger: str) -> None:
    with pytest.raises(Unavailable, match="is no Spock sandbox"):
        control.fetch_info(stranger)


@pytest.mark.parametrize("url", ["localhost:8800", "", "http://"])
def test_an_address_that_is_none_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable, match="SPOCK_SANDBOX_URL"):
        control.fetch_info(url)


def test_the_keys_have_the_lengths_kis_gives_them() -> None:
    assert [len(key) for key in (control.APP_KEY, control.APP_SECRET, control.PAPER_APP_KEY)] == [36, 180, 36]


def test_a_port_that_is_taken_is_said_so(start: Callable[..., Sandbox]) -> None:
    taken = int(start().url.rpartition(":")[2])
    with pytest.raises(UsageError, match=f"port {taken} can't be opened"):
        Sandbox(port=taken)
    with pytest.raises(UsageError, match=f"port {taken} can't be opened.* another --paper-port"):
        Sandbox(paper_port=taken)


@pytest.mark.parametrize(("option", "port"), [("--port", 65_536), ("--port", -1), ("--paper-port", 70_000)])
def test_a_port_that_is_none_is_refused_in_words(option: str, port: int) -> None:
    command = [sys.executable, "-m", "pipeline.cli", "sandbox", "--port", "0", option, str(port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    told = f"{option} {port}: give a port from 0 (any free one) to 65535"
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert told in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("region", "codes"),
    [
        ("KR", ("005930", "000660", "105560", "055550", "086790", "316140")),
        ("US", ("AAPL", "TSLA", "JPM", "BAC", "WFC", "C")),
    ],
)
def test_a_region_alone_has_its_six_however_few_are_asked_for(
    start: Callable[..., Sandbox], connect: Callable[..., Any], region: str, codes: tuple[str, ...]
) -> None:
    client = connect(start(regions=(region,), tickers=1, enforce_limits=False).url)
    if region == "KR":
        missing = [code for code in codes if client.daily(code, "20261101", "20261120")[1]["output2"] == [{}]]
    else:
        exchanges = ("NAS", "NYS")
        missing = [code for code in codes if not any(overseas(client, exchange, code) for exchange in exchanges)]
    assert missing == []


@pytest.mark.parametrize("tickers", [0, 10_001])
def test_a_number_of_tickers_out_of_bounds_is_refused(tickers: int) -> None:
    with pytest.raises(UsageError, match="1 to 10000"):
        Sandbox(tickers=tickers)


@pytest.mark.parametrize(("regions", "words"), [(("KR", "CA", "XX"), "--regions CA,XX: "), ((), "--regions : ")])
def test_a_region_the_sandbox_does_not_know_is_refused(regions: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError, match=f"{words}the sandbox serves KR, US, CN, HK, JP, VN, AU, UK, EU"):
        Sandbox(regions=regions)


def test_a_sandbox_serves_all_regions_unless_told_otherwise(connect: Callable[..., Any], now: datetime) -> None:
    symbols = ("105560.KS", "JPM", "601398.SS", "0005.HK", "8306.T", "VCB.VN", "CBA.AX", "LLOY.L", "BNP.PA")
    with Sandbox(now=now, enforce_limits=False) as sandbox:
        client = connect(sandbox.url)
        lists = ("kospi_code.mst.zip", "nysmst.cod.zip")
        assert [client.raw("GET", f"/common/master/{name}")[0] for name in lists] == [200, 200]
        assert client.daily("005930", "20261101", "20261120")[1]["output2"]
        assert overseas(client, "NAS", "AAPL")
        assert [client.raw("GET", f"/v8/finance/chart/{symbol}")[0] for symbol in symbols] == [200] * 9


def test_a_region_that_is_not_served_has_no_bars(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start(regions=("US",), tickers=6).url)
    assert client.daily("005930", "20261101", "20261120")[1]["output2"] == [{}]  # as for any unknown code
    assert overseas(client, "NAS", "AAPL")
    assert overseas(connect(start(regions=("KR",)).url), "NAS", "AAPL") == []


def test_one_clock_moves_every_region(connect: Callable[..., Any]) -> None:
    # 2026-11-27 is a half day in New York: Seoul's session of the day is long over.
    with Sandbox(now=datetime(2026, 11, 27, 6, 30, tzinfo=UTC)) as sandbox:
        client = connect(sandbox.url)

        def newest() -> tuple[str, str]:
            korea = client.daily("005930", "20261101", "20261127")[1]["output2"][0]["stck_bsop_date"]
            return korea, overseas(client, "NAS", "AAPL")[0]["xymd"]

        assert newest() == ("20261127", "20261125")
        control.set_clock(sandbox.url, datetime(2026, 11, 27, 14, 30, tzinfo=UTC))
        assert newest() == ("20261127", "20261127")


def test_a_clock_before_the_calendar_is_a_server_error_in_words(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start(now=datetime(1999, 1, 4, tzinfo=UTC)).url)
    status, _, body = client.ask("GET", "/common/master/kospi_code.mst.zip")
    assert status == 500
    assert "XKRX" in body["msg1"]


def test_beyond_its_calendar_a_market_stands_still_after_the_last_session_known(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start(now=datetime(2031, 1, 2, 12, tzinfo=UTC), regions=("KR", "US")).url)
    korea = client.daily("005930", "20270101", "20310102")[1]["output2"][0]["stck_bsop_date"]
    last = [known.window(1, known.last)[0] for known in (calendar("XKRX"), calendar("XNAS"))]
    assert [korea, overseas(client, "NAS", "AAPL")[0]["xymd"]] == [f"{day:%Y%m%d}" for day in last]
    lists = ("kospi_code.mst.zip", "nasmst.cod.zip")
    assert [client.raw("GET", f"/common/master/{name}")[0] for name in lists] == [200, 200]


def test_serving_for_ever_ends_when_another_thread_stops_it() -> None:
    sandbox = Sandbox(regions=("KR",), tickers=12)
    thread = threading.Thread(target=sandbox.serve_forever)
    thread.start()
    assert control.fetch_info(sandbox.url).source == "generated"
    sandbox.stop()
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_the_sandbox_imports_neither_frames_nor_databases_nor_clients() -> None:
    program = (
        "import sys, adapters.sandbox.server, adapters.sandbox.control;"
        "print(sorted({'polars', 'duckdb', 'pandas', 'numpy', 'pydantic', 'httpx', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
