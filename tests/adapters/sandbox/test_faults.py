"""Every fault as a client sees it, and when it fires."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from adapters.sandbox import control
from adapters.sandbox.faults import KINDS
from adapters.sandbox.server import Sandbox
from pipeline.errors import UsageError

DAY = ("005930", "20261102", "20261120")
#: Every TR id, and what a fault calls the requests without one.
CALLS = (
    *("FHKST03010100", "FHKST01010400", "FHKST01010100", "FHKUP03500100", "CTPF1002R", "CTPF1604R", "CTCA0903R"),
    *("HHDFS76240000", "HHDFS00000300", "HHDFS76410000", "FHKST03030100", "CTPF1702R", "CTOS5011R"),
)
OTHERS = ("hashkey", "tokenP", "revokeP", "Approval", "master")
OVERSEAS = "/uapi/overseas-price/v1/quotations/"


def ask(client: Any, tr: str, path: str, **params: str) -> Any:
    """The body of an overseas call."""
    if not client.token:
        client.login()
    return client.ask("GET", f"{OVERSEAS}{path}?{urlencode(params)}", headers=client.headers(tr))[2]


def overseas(client: Any, code: str = "AAPL") -> Any:
    """The newest page of a Nasdaq name."""
    params = {"AUTH": "", "EXCD": "NAS", "SYMB": code, "GUBN": "0", "BYMD": "", "MODP": "0"}
    return ask(client, "HHDFS76240000", "dailyprice", **params)


def overseas_info(client: Any) -> Any:
    """The listing of AAPL."""
    return ask(client, "CTPF1702R", "search-info", PRDT_TYPE_CD="512", PDNO="AAPL")["output"]


def index(client: Any, code: str) -> Any:
    """The newest page of a Korean index."""
    days = {"FID_INPUT_DATE_1": "20260101", "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D"}
    params = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": code, **days}
    return client.get("FHKUP03500100", "inquire-daily-indexchartprice", **params)[1]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("rate_limit", 500, "EGW00201"), ("http_500", 500, "EGW00002"), ("http_403", 403, "EGW00003")],
)
def test_error_answers(
    start: Callable[..., Sandbox], connect: Callable[..., Any], kind: str, status: int, code: str
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    control.set_fault(sandbox.url, kind=kind)
    answer, body = client.daily(*DAY)
    assert (answer, body["msg_cd"]) == (status, code)
    assert client.daily(*DAY)[0] == 200


def test_a_fault_lets_some_requests_pass_and_fires_so_often(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    control.set_fault(sandbox.url, kind="http_500", after=2, count=3)
    assert [client.daily(*DAY)[0] for _ in range(7)] == [200, 200, 500, 500, 500, 200, 200]
    (fault,) = client.ask("GET", "/_sandbox/faults")[2]
    assert (fault["fired"], fault["over"]) == (3, True)


def test_a_fault_of_one_tr_leaves_the_others_alone(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    control.set_fault(sandbox.url, kind="http_500", tr="FHKST01010100", count=9)
    price = client.get("FHKST01010100", "inquire-price", FID_COND_MRKT_DIV_CODE="J", FID_INPUT_ISCD="005930")
    assert (price[0], client.daily(*DAY)[0]) == (500, 200)


def test_token_requests_and_master_files_break_only_when_named(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(enforce_limits=False)
    client = connect(sandbox.url)
    control.set_fault(sandbox.url, kind="http_500", count=5)
    assert client.login()[0] == 200
    control.clear_faults(sandbox.url)
    control.set_fault(sandbox.url, kind="http_500", tr="tokenP")
    control.set_fault(sandbox.url, kind="http_500", tr="master")
    assert client.login()[0] == 500
    assert client.raw("GET", "/common/master/kospi_code.mst.zip")[0] == 500


def test_a_cut_body_is_shorter_than_announced(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.login()
    control.set_fault(sandbox.url, kind="cut")
    with pytest.raises(http.client.IncompleteRead):
        client.daily(*DAY)


def test_wrong_json_and_empty_answers(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.login()
    control.set_fault(sandbox.url, kind="bad_json")
    with pytest.raises(json.JSONDecodeError):
        client.daily(*DAY)
    control.set_fault(sandbox.url, kind="empty_body")
    with pytest.raises(json.JSONDecodeError):
        client.daily(*DAY)
    control.set_fault(sandbox.url, kind="empty")
    status, body = client.daily(*DAY)
    assert (status, body["rt_cd"], body["output2"]) == (200, "0", [])
    assert control.report(sandbox.url, detail=True)["detail"][-1]["served_rows"] == 0


def test_silence_lasts_its_delay_and_then_hangs_up(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.login()
    control.set_fault(sandbox.url, kind="silence", delay=0.4)
    began = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        client.daily(*DAY)
    assert 0.3 < time.monotonic() - began < 2


def test_a_silent_sandbox_can_still_be_stopped(connect: Callable[..., Any]) -> None:
    with Sandbox() as sandbox:
        client = connect(sandbox.url)
        client.login()
        control.set_fault(sandbox.url, kind="silence")
        client.connection.request("GET", "/uapi/domestic-stock/v1/quotations/inquire-price", headers={"tr_id": "T"})
        began = time.monotonic()
    assert time.monotonic() - began < 2


def test_dead_closes_every_connection_but_the_sandboxs_own(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    control.set_fault(sandbox.url, kind="dead", seconds=0.4)
    for path in ("/oauth2/tokenP", "/common/master/kospi_code.mst.zip", "/uapi/hashkey"):
        with pytest.raises(http.client.RemoteDisconnected):
            client.raw("POST", path, {})
    assert control.fetch_info(sandbox.url).source == "generated"
    time.sleep(0.45)
    assert client.daily(*DAY)[0] == 200


def test_an_expired_token_needs_a_new_one_which_comes_at_once(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    client.login()
    old = client.token
    control.set_fault(sandbox.url, kind="token_expired")
    assert client.daily(*DAY)[1]["msg_cd"] == "EGW00123"
    assert client.daily(*DAY)[1]["msg_cd"] == "EGW00123"
    assert client.login()[0] == 200
    assert client.token != old
    assert client.daily(*DAY)[0] == 200


def test_wrong_content(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start()
    client = connect(sandbox.url)
    _, honest = client.daily(*DAY)
    other = client.daily("000660", *DAY[1:])[1]
    control.set_fault(sandbox.url, kind="wrong_ticker")
    _, wrong = client.daily("000660", *DAY[1:])
    assert wrong["output2"] == honest["output2"] != other["output2"]
    assert wrong["output1"]["stck_shrn_iscd"] == "005930"
    control.set_fault(sandbox.url, kind="stale")
    assert client.daily(*DAY)[1]["output2"] == honest["output2"][1:]
    control.set_fault(sandbox.url, kind="times_100")
    row = client.daily(*DAY)[1]["output2"][0]
    assert int(row["stck_clpr"]) == 100 * int(honest["output2"][0]["stck_clpr"])
    assert row["acml_vol"] == honest["output2"][0]["acml_vol"]


def test_the_newest_session_repeats_the_one_before_it(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start(enforce_limits=False)
    client = connect(sandbox.url)
    _, honest = client.daily(*DAY)
    newest, before = honest["output2"][:2]
    control.set_fault(sandbox.url, kind="repeat", count=3)
    _, repeated = client.daily(*DAY)
    assert repeated["output2"] == [{**before, "stck_bsop_date": newest["stck_bsop_date"]}, *honest["output2"][1:]]
    assert client.daily("005930", "20261120", "20261120")[1]["output2"] == repeated["output2"][:1]
    assert client.daily("005930", "20261102", "20261119")[1]["output2"] == honest["output2"][1:]


def test_a_fault_about_a_code_hits_its_pages_alone_and_with_after_one_of_them(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(enforce_limits=False)
    client = connect(sandbox.url)
    control.set_fault(sandbox.url, kind="http_500", code="000660", after=1)
    asked = ["005930", "000660", "005930", "000660", "000660"]
    assert [client.daily(code, *DAY[1:])[0] for code in asked] == [200, 200, 200, 500, 200]
    (fault,) = client.ask("GET", "/_sandbox/faults")[2]
    assert (fault["code"], fault["fired"]) == ("000660", 1)


def test_the_index_can_be_another_one_or_a_hundred_times_too_high(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(enforce_limits=False)
    client = connect(sandbox.url)
    honest = index(client, "0001")
    other = index(client, "1001")
    control.set_fault(sandbox.url, kind="wrong_ticker")
    assert index(client, "0001") == other
    control.set_fault(sandbox.url, kind="times_100")
    level, high = (body["output2"][0]["bstp_nmix_prpr"] for body in (honest, index(client, "0001")))
    assert Decimal(high) == 100 * Decimal(level)
    assert high.endswith(".00")


# ---- overseas ----


def test_wrong_content_overseas(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start(regions=("US",), enforce_limits=False)
    client = connect(sandbox.url)
    honest = overseas(client)
    newest, before = honest["output2"][:2]
    answers = {}
    for kind in ("stale", "repeat", "times_100", "wrong_ticker", "empty"):
        control.set_fault(sandbox.url, kind=kind)
        answers[kind] = overseas(client)
    assert answers["stale"]["output2"][:99] == honest["output2"][1:]
    assert answers["repeat"]["output2"] == [{**before, "xymd": newest["xymd"]}, *honest["output2"][1:]]
    assert answers["empty"] == {**honest, "output2": []}
    high = answers["times_100"]["output2"][0]
    prices = ("clos", "diff", "open", "high", "low", "pbid", "pask")
    assert high == {**newest, **{field: f"{100 * Decimal(newest[field]):.4f}" for field in prices}}
    other = answers["wrong_ticker"]["output1"]["rsym"]
    assert other[:4] == "DNAS"
    assert other != "DNASAAPL"
    assert answers["wrong_ticker"]["output2"] == overseas(client, other[4:])["output2"]


def test_the_search_index_and_listing_overseas_can_be_anothers(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(regions=("US",), enforce_limits=False)
    client = connect(sandbox.url)
    honest = overseas_info(client)
    control.set_fault(sandbox.url, kind="wrong_ticker", count=3)
    body = ask(client, "HHDFS76410000", "inquire-search", AUTH="", EXCD="NAS")
    assert {row["excd"] for row in body["output2"]} == {"NYS"}
    days = {"FID_INPUT_DATE_1": "20261101", "FID_INPUT_DATE_2": "20261120", "FID_PERIOD_DIV_CODE": "D"}
    params = {"FID_COND_MRKT_DIV_CODE": "N", "FID_INPUT_ISCD": "SPX", **days}
    body = ask(client, "FHKST03030100", "inquire-daily-chartprice", **params)
    assert body["output1"]["stck_shrn_iscd"] == ".DJI"
    wrong = overseas_info(client)
    assert wrong["ovrs_excg_cd"] == "NASD"
    assert wrong["prdt_eng_name"] != honest["prdt_eng_name"]


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("rate_limit", 500, "EGW00201"), ("http_500", 500, "EGW00002"), ("token_expired", 500, "EGW00123")],
)
def test_error_answers_overseas(
    start: Callable[..., Sandbox], connect: Callable[..., Any], kind: str, status: int, code: str
) -> None:
    sandbox = start(regions=("US",))
    client = connect(sandbox.url)
    client.login()
    control.set_fault(sandbox.url, kind=kind, tr="HHDFS76240000", code="AAPL")
    path = f"{OVERSEAS}dailyprice?EXCD=NAS&SYMB=AAPL&GUBN=0&MODP=0"
    answer, _, body = client.ask("GET", path, headers=client.headers("HHDFS76240000"))
    assert (answer, body["msg_cd"]) == (status, code)


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "fire"},
        {},
        {"kind": "dead", "seconds": -1},
        {"kind": "dead", "count": "3"},
        {"kind": "dead", "code": 5930},
        {"kin": "dead"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_words(start: Callable[..., Sandbox], wanted: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="fault"):
        control.set_fault(start().url, **wanted)


@pytest.mark.parametrize("tr", ["nope", "", "fhkst03010100"])
def test_a_fault_of_a_tr_that_no_request_has_names_the_known_ones(
    start: Callable[..., Sandbox], connect: Callable[..., Any], tr: str
) -> None:
    client = connect(start().url)
    status, _, body = client.ask("POST", "/_sandbox/faults", {"kind": "cut", "tr": tr})
    assert (status, body["error"]) == (400, f"fault: no request has tr {tr!r}; there are {', '.join((*CALLS, *OTHERS))}")
    assert client.ask("GET", "/_sandbox/faults")[2] == []


@pytest.mark.parametrize("tr", OTHERS)
def test_what_only_a_call_shows_is_refused_for_the_rest(
    start: Callable[..., Sandbox], connect: Callable[..., Any], tr: str
) -> None:
    client = connect(start().url)
    answers = {kind: client.ask("POST", "/_sandbox/faults", {"kind": kind, "tr": tr}) for kind in KINDS}
    refused = {kind: body["error"] for kind, (status, _, body) in answers.items() if status == 400}
    assert sorted(refused) == ["empty", "repeat", "stale", "times_100", "token_expired", "wrong_ticker"]
    assert refused["stale"].startswith(f"fault: 'stale' can't happen to {tr!r}, only to calls with a TR id")


@pytest.mark.parametrize("tr", OTHERS)
def test_a_code_is_refused_where_no_request_has_one(start: Callable[..., Sandbox], tr: str) -> None:
    with pytest.raises(UsageError, match=f"'{tr}' is about no code, so code = 'AAPL' never matches"):
        control.set_fault(start().url, kind="cut", tr=tr, code="AAPL")


def test_every_kind_can_be_set_for_every_call(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start().url)
    wanted = [(kind, tr) for kind in KINDS for tr in CALLS]
    for kind, tr in wanted:
        assert client.ask("POST", "/_sandbox/faults", {"kind": kind, "tr": tr})[0] == 200
    assert [(fault["kind"], fault["tr"]) for fault in client.ask("GET", "/_sandbox/faults")[2]] == wanted


def test_a_pipelined_peer_that_hangs_up_harms_nobody(start: Callable[..., Sandbox]) -> None:
    sandbox = start()
    connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc)
    connection.request("GET", "/_sandbox/info")
    connection.close()
    assert control.fetch_info(sandbox.url).frozen is True
