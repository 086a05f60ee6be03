"""The KIS wire as kis.md describes it: pages, flags, envelopes, refusals and headers."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapters.sandbox.kis_exchanges import BY_VENUE, EXCHANGES, REGIONS
from adapters.sandbox.kis_markets import Absent
from adapters.sandbox.kis_overseas_bars import INDICES
from adapters.sandbox.kis_routes import Route, routes
from adapters.sandbox.server import Sandbox
from pipeline.calendars import calendar

from .conftest import NOW

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "api" / "recorded"
SPECIFICATION = RECORDED.parent / "kis_spec"
#: The region of a calendar's MIC.
REGION_OF = {"XKRX": "KR", **{venue: exchange.region for venue, exchange in BY_VENUE.items()}}
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers beside the checkout")


def test_a_long_range_is_cut_to_its_newest_hundred_rows_without_an_error(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    status, body = connect(start().url).daily("005930", "20250901", "20261120")
    days = [row["stck_bsop_date"] for row in body["output2"]]
    assert (status, body["rt_cd"], body["msg_cd"]) == (200, "0", "MCA00000")
    expected = calendar("XKRX").window(100, date(2026, 11, 20))[::-1]
    assert days == [f"{day:%Y%m%d}" for day in expected]


def test_paging_by_the_oldest_day_reaches_the_first_bar(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start().url)
    until, days = "20261120", []
    while rows := client.daily("0013V0", "20250101", until)[1]["output2"]:
        days += [row["stck_bsop_date"] for row in rows]
        until = str(int(rows[-1]["stck_bsop_date"]) - 1)
    assert days == [f"{day:%Y%m%d}" for day in calendar("XKRX").sessions(date(2026, 3, 12), date(2026, 11, 20))[::-1]]


def test_every_value_is_a_string_and_the_fields_are_those_of_the_specification(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    _, body = connect(start().url).daily("000660", "20261101", "20261120")
    assert all(isinstance(value, str) for row in [body["output1"], *body["output2"]] for value in row.values())
    assert list(body["output2"][0]) == [
        *("stck_bsop_date", "stck_clpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol", "acml_tr_pbmn"),
        *("flng_cls_code", "prtt_rate", "mod_yn", "prdy_vrss_sign", "prdy_vrss", "revl_issu_reas"),
    ]


@needs_recordings
def test_rows_have_the_fields_of_recorded_answers(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    recorded = json.loads((RECORDED / "kis_measured/FHKST03010100_daily_373220_row.json").read_text(encoding="utf-8"))
    sample = json.loads(
        (RECORDED / "kis_doc_examples/FHKST03010100_daily_000660.json").read_text(encoding="utf-8"), strict=False
    )
    _, body = connect(start().url).daily("000660", "20261101", "20261120")
    assert set(body["output2"][0]) == set(recorded)
    assert set(sample["output1"]) <= set(body["output1"])


@needs_recordings
def test_the_current_price_has_every_field_of_the_recorded_one(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    path = RECORDED / "kis_doc_examples/FHKST01010100_price_000660.json"
    recorded = json.loads(path.read_text(encoding="utf-8"), strict=False)["output"]
    params = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "000660"}
    output = connect(start().url).get("FHKST01010100", "inquire-price", **params)[1]["output"]
    assert [field for field in recorded if field not in output] == []
    assert all(isinstance(value, str) for value in output.values())


@needs_recordings
def test_the_holiday_call_answers_the_recorded_page(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    path = RECORDED / "kis_measured/CTCA0903R_chk-holiday_20260105.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))
    params = {"BASS_DT": "20260105", "CTX_AREA_NK": "", "CTX_AREA_FK": ""}
    _, body = connect(start().url).get("CTCA0903R", "chk-holiday", **params)
    assert body["output"] == recorded["output"]
    assert (body["ctx_area_nk"], body["ctx_area_fk"]) == (recorded["ctx_area_nk"], recorded["ctx_area_fk"])


def test_the_adjusted_flag_is_zero_for_charts_and_one_for_recent_days(
    start: Callable[..., Sandbox], connect: Callable[..., Any], now: Any
) -> None:
    april = now.replace(month=4, day=20)
    client = connect(start(now=april).url)
    before = "20260407"  # the last session that traded before the halt of the 5:1 split of 2026-04-13

    def close(adjusted: str) -> int:
        rows = client.daily("0101A0", before, before, FID_ORG_ADJ_PRC=adjusted)[1]["output2"]
        return int(rows[0]["stck_clpr"])

    def recent(adjusted: str) -> int:
        params = {"fid_cond_mrkt_div_code": "J", "fid_input_iscd": "0101A0", "fid_period_div_code": "D"}
        _, body = client.get("FHKST01010400", "inquire-daily-price", **params, fid_org_adj_prc=adjusted)
        return next(int(row["stck_clpr"]) for row in body["output"] if row["stck_bsop_date"] == before)

    raw = close("1")
    assert close("0") == round(raw / 5)
    assert recent("0") == raw
    assert recent("0000000001") == round(raw / 5)


def test_a_split_a_bonus_issue_and_a_dividend_show_in_their_rows(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start().url)
    split = client.daily("0101A0", "20260413", "20260413")[1]["output2"][0]
    bonus = client.daily("0202B0", "20260210", "20260210")[1]["output2"][0]
    dividend = client.daily("005930", "20251229", "20251229")[1]["output2"][0]
    halt = client.daily("0101A0", "20260410", "20260410")[1]["output2"][0]
    assert (split["prtt_rate"], split["flng_cls_code"], split["mod_yn"]) == ("0.20", "00", "N")
    assert (bonus["prtt_rate"], bonus["flng_cls_code"]) == ("0.83", "01")
    assert (dividend["prtt_rate"], dividend["flng_cls_code"]) == ("0.00", "02")
    assert [halt[f] for f in ("stck_oprc", "stck_hgpr", "stck_lwpr", "acml_vol", "mod_yn")] == ["0", "0", "0", "0", "Y"]
    base = int(split["stck_clpr"]) - int(split["prdy_vrss"])
    assert base == pytest.approx(int(halt["stck_clpr"]) / 5, rel=0.01)


@pytest.mark.parametrize(
    ("code", "days", "rows"),
    [
        # Rights: the base is the announced one, and no price of the day itself.
        ("0505A0", ("20260508", "20260511"), [("23200", "00", "0.00", "2", "500", ""), ("21850", "01", "0.94", "3", "0", "")]),
        # Five shares become one: the base was set by an auction, 5,800 instead of the 8,050 announced.
        ("0606B0", ("20260807", "20260810"), [("1610", "00", "0.00", "3", "0", ""), ("6040", "00", "3.60", "2", "240", "02")]),
    ],
)
def test_an_event_shows_its_codes_and_the_change_from_its_base(
    start: Callable[..., Sandbox], connect: Callable[..., Any], code: str, days: tuple[str, str], rows: list[tuple[str, ...]]
) -> None:
    fields = ("stck_clpr", "flng_cls_code", "prtt_rate", "prdy_vrss_sign", "prdy_vrss", "revl_issu_reas")
    client = connect(start(tickers=14).url)
    raw = client.daily(code, *days)[1]["output2"][::-1]
    adjusted = client.daily(code, *days, FID_ORG_ADJ_PRC="0")[1]["output2"][::-1]
    assert [tuple(row[field] for field in fields) for row in raw] == rows
    announced = {"0505A0": 0.9423076923076923, "0606B0": 5.0}[code]
    assert [int(row["stck_clpr"]) for row in adjusted] == [round(int(rows[0][0]) * announced), int(rows[1][0])]


def test_an_unknown_code_has_price_zero_and_an_empty_row(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    status, body = connect(start().url).daily("999999", "20261101", "20261120")
    assert (status, body["rt_cd"]) == (200, "0")
    assert (body["output1"]["stck_prpr"], body["output2"]) == ("0", [{}])


def test_weeks_are_dated_monday_and_months_by_their_newest_day(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start().url)
    days = client.daily("005930", "20261116", "20261120")[1]["output2"]
    (week,) = client.daily("005930", "20261116", "20261120", FID_PERIOD_DIV_CODE="W")[1]["output2"]
    months = client.daily("005930", "20261001", "20261120", FID_PERIOD_DIV_CODE="M")[1]["output2"]
    assert (week["stck_bsop_date"], week["stck_oprc"], week["stck_clpr"]) == (
        "20261116",
        days[-1]["stck_oprc"],
        days[0]["stck_clpr"],
    )
    assert int(week["acml_vol"]) == sum(int(day["acml_vol"]) for day in days)
    assert [row["stck_bsop_date"] for row in months] == ["20261120", "20261030"]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"FID_COND_MRKT_DIV_CODE": ""}, "ERROR INPUT FIELD NOT FOUND [FID_COND_MRKT_DIV_CODE]"),
        ({"FID_COND_MRKT_DIV_CODE": "X"}, "ERROR INVALID FID_COND_MRKT_DIV_CODE"),
        ({"FID_INPUT_ISCD": ""}, "ERROR INPUT FIELD NOT FOUND [FID_INPUT_ISCD]"),
        ({"FID_INPUT_DATE_1": "2026-11-01"}, "ERROR INVALID FID_INPUT_DATE_1"),
        ({"FID_PERIOD_DIV_CODE": "H"}, "ERROR INVALID FID_PERIOD_DIV_CODE"),
        ({"FID_ORG_ADJ_PRC": "2"}, "ERROR INVALID FID_ORG_ADJ_PRC"),
    ],
)
def test_a_missing_or_wrong_field_is_refused_with_http_200(
    start: Callable[..., Sandbox], connect: Callable[..., Any], changed: dict[str, str], text: str
) -> None:
    status, body = connect(start().url).daily("005930", "20261101", "20261120", **changed)
    assert (status, body) == (200, {"rt_cd": "2", "msg_cd": "OPSQ2001", "msg1": text})


def test_the_index_comes_fifty_rows_a_call(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start().url)
    params = {
        "FID_COND_MRKT_DIV_CODE": "U",
        "FID_INPUT_DATE_1": "20250101",
        "FID_INPUT_DATE_2": "20261120",
        "FID_PERIOD_DIV_CODE": "D",
    }
    pages = {
        code: client.get("FHKUP03500100", "inquire-daily-indexchartprice", FID_INPUT_ISCD=code, **params)[1]["output2"]
        for code in ("0001", "1001", "9999")
    }
    assert {code: len(rows) for code, rows in pages.items()} == {"0001": 50, "1001": 50, "9999": 0}
    assert pages["0001"][0]["stck_bsop_date"] == "20261120"
    assert pages["0001"] != pages["1001"]
    assert set(pages["0001"][0]) == {
        *("stck_bsop_date", "bstp_nmix_prpr", "bstp_nmix_oprc", "bstp_nmix_hgpr", "bstp_nmix_lwpr"),
        *("acml_vol", "acml_tr_pbmn", "mod_yn"),
    }


def test_stock_info_names_the_last_day_once_it_is_over(
    start: Callable[..., Sandbox], connect: Callable[..., Any], now: Any
) -> None:
    params = {"PRDT_TYPE_CD": "300", "PDNO": "0404D0"}
    today = connect(start().url).get("CTPF1002R", "search-stock-info", **params)[1]["output"]
    later = connect(start(now=now.replace(month=12, day=15)).url)
    ended = later.get("CTPF1002R", "search-stock-info", **params)[1]["output"]
    assert (today["kosdaq_mket_lstg_dt"], today["lstg_abol_dt"], today["tr_stop_yn"]) == ("20240926", "", "N")
    assert (ended["lstg_abol_dt"], ended["kosdaq_mket_lstg_abol_dt"]) == ("20261215", "20261215")
    assert later.get("CTPF1002R", "search-stock-info", PRDT_TYPE_CD="300", PDNO="999999")[1]["rt_cd"] == "7"


def test_the_current_price_carries_base_and_limits(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    params = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
    output = connect(start().url).get("FHKST01010100", "inquire-price", **params)[1]["output"]
    assert int(output["stck_prpr"]) - int(output["prdy_vrss"]) == int(output["stck_sdpr"])
    assert int(output["stck_llam"]) < int(output["stck_lwpr"]) <= int(output["stck_hgpr"]) < int(output["stck_mxpr"])


@pytest.mark.parametrize("route", ["port", "key"])
def test_real_only_calls_are_refused_on_the_paper_host(
    start: Callable[..., Sandbox], connect: Callable[..., Any], route: str
) -> None:
    sandbox = start(paper_port=0, enforce_limits=False)
    client = (
        connect(sandbox.paper_url)
        if route == "port"
        else connect(sandbox.url, app_key="PAPER".ljust(36, "0"), app_secret="S" * 180)
    )
    status, body = client.get("CTCA0903R", "chk-holiday", BASS_DT="20261120")
    assert (status, body) == (500, {"rt_cd": "1", "msg_cd": "EGW02006", "msg1": "모의투자 TR 이 아닙니다."})
    assert client.daily("005930", "20261120", "20261120")[0] == 200


def test_a_token_works_only_on_its_own_host(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start(paper_port=0)
    real, paper = connect(sandbox.url), connect(sandbox.paper_url)
    real.login()
    paper.token = real.token
    status, body = paper.daily("005930", "20261120", "20261120")
    assert (status, body["msg_cd"]) == (500, "EGW00121")


def test_wrong_keys_and_calls_get_the_gateways_codes(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start(enforce_limits=False).url)
    client.login()
    path = "/uapi/domestic-stock/v1/quotations/inquire-price?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=005930"
    good = client.headers("FHKST01010100")
    wrong = {
        "EGW00102": {"appkey": ""},
        "EGW00104": {"appsecret": ""},
        "EGW00103": {"appkey": "BAD".ljust(36, "0")},
        "EGW00304": {"appsecret": "short"},
        "EGW00121": {"authorization": "Bearer nonsense"},
        "EGW00310": {"tr_id": "FHKST03010100"},
    }
    answers = {code: client.ask("GET", path, headers={**good, **change}) for code, change in wrong.items()}
    assert {code: (status, body["msg_cd"]) for code, (status, _, body) in answers.items()} == {
        code: (500, code) for code in wrong
    }


def test_standard_headers_are_title_case_and_kis_headers_lower_case(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    client = connect(start().url)
    client.login()
    _, headers, _ = client.raw(
        "GET",
        "/uapi/domestic-stock/v1/quotations/inquire-price?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=005930",
        headers=client.headers("FHKST01010100"),
    )
    assert list(headers) == [
        *("Content-Type", "Content-Length", "Date", "Server", "Connection"),
        *("tr_id", "tr_cont", "gt_uid"),
    ]
    assert (headers["tr_id"], headers["tr_cont"], headers["Connection"]) == ("FHKST01010100", "", "keep-alive")
    assert all(name.isidentifier() for name in headers if name.islower())


def test_hash_key_echoes_the_body(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start().url)
    _, _, body = client.ask("POST", "/uapi/hashkey", {"CANO": "00000000"}, client.headers(""))
    assert body["BODY"] == {"CANO": "00000000"}
    assert len(body["HASH"]) == 64


def test_what_is_no_http_ends_the_connection_and_nothing_else(start: Callable[..., Sandbox]) -> None:
    sandbox = start()
    parts = urlsplit(sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:  # type: ignore[arg-type]
        connection.sendall(b"\x16\x03\x01 hello\r\n")
        assert connection.recv(100) == b""
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:  # type: ignore[arg-type]
        connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.skipif(not SPECIFICATION.is_dir(), reason="no specification beside the checkout")
def test_stock_info_has_every_field_of_the_specification(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    text = (SPECIFICATION / "주식기본조회.tsv").read_text(encoding="utf-8")
    fields = [line.split("\t")[1] for line in text.partition("\toutput\t")[2].splitlines()[1:] if line.startswith("\t")]
    params = {"PRDT_TYPE_CD": "300", "PDNO": "005930"}
    _, body = connect(start().url).get("CTPF1002R", "search-stock-info", **params)
    assert len(fields) > 60
    assert [name for name in fields if name not in body["output"]] == []


def regions_of(route: Route) -> set[str]:
    """The regions a call tells of: those whose clock it goes by, or that stand in its answer."""
    codes = [("EXCD", code) for code in EXCHANGES] + [("FID_INPUT_ISCD", code) for code in INDICES]
    clocks = [route.clock({name: code}) for name, code in codes]
    found = {REGION_OF[clock.mic] for clock in clocks if clock is not None}
    if found:
        return found
    answer = route.call({"TRAD_DT": "20221228"}, NOW)  # about no single exchange: a row each
    return {row["natn_eng_abrv_cd"] for row in answer.body["output"]}


def test_every_call_is_documented_with_where_it_is_served() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "SANDBOX.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z0-9]+)` \| ([A-Z ]+) \| .* \| (yes|no) \|$", page, re.MULTILINE)
    served = routes({region: Absent(region) for region in REGIONS})
    assert [(tr, set(regions.split()), on_paper) for tr, regions, on_paper in documented] == [
        (tr, regions_of(route), "yes" if route.on_paper else "no") for tr, route in served.items()
    ]
