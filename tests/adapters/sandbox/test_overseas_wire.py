"""The overseas wire of KIS as kis.md describes it: pages, flags, envelopes and refusals of its US calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import control
from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.server import Sandbox
from pipeline.calendars import calendar

from .overseas import Overseas

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "api" / "recorded"
SPECIFICATION = RECORDED.parent / "kis_spec"
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded answers beside the checkout")
#: Friday 2026-11-20, 18:00 in New York: the session is over.
EVENING = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
SESSIONS = calendar("XNYS")


@pytest.fixture
def us(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> Callable[..., Overseas]:
    """A client of a sandbox with the US alone, unless told otherwise, in the evening of a session."""

    def begin(**wanted: Any) -> Overseas:
        sandbox = start(**{"now": EVENING, "regions": ("US",), "enforce_limits": False, "tickers": 12, **wanted})
        return Overseas(connect(sandbox.url))

    return begin


@pytest.fixture
def bars(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a folder with one US ticker and its rows."""

    def write(ticker: str, rows: str) -> Path:
        (tmp_path / "US").mkdir(exist_ok=True)
        text = "date,open,high,low,close,volume\n" + rows
        (tmp_path / "US" / f"{ticker}.csv").write_text(text, encoding="utf-8")
        return tmp_path

    return write


# ---- daily bars ----


def test_a_page_has_the_newest_hundred_sessions(us: Callable[..., Overseas]) -> None:
    body = us().daily("AAPL")
    assert body["output1"] == {"rsym": "DNASAAPL", "zdiv": "4", "nrec": "100"}
    expected = SESSIONS.window(100, date(2026, 11, 20))[::-1]
    assert [row["xymd"] for row in body["output2"]] == [f"{day:%Y%m%d}" for day in expected]
    assert (body["rt_cd"], body["msg_cd"], body["msg1"]) == ("0", "MCA00000", "정상처리 되었습니다.")


def test_before_the_open_in_new_york_the_newest_row_is_yesterdays(us: Callable[..., Overseas], now: datetime) -> None:
    assert us(now=now).daily("AAPL")["output2"][0]["xymd"] == "20261119"


def test_pages_up_to_the_day_before_reach_back_without_a_hole(us: Callable[..., Overseas]) -> None:
    client = us()
    until, days = "", []
    for _ in range(4):
        rows = client.daily("AAPL", BYMD=until)["output2"]
        days += [row["xymd"] for row in rows]
        until = str(int(rows[-1]["xymd"]) - 1)
    assert days == [f"{day:%Y%m%d}" for day in SESSIONS.window(400, date(2026, 11, 20))[::-1]]


def test_a_page_before_the_first_bar_has_no_rows_and_still_names_the_symbol(
    us: Callable[..., Overseas], bars: Callable[[str, str], Path]
) -> None:
    body = us(data=bars("AAPL", "2026-11-19,200,201,199,200.5,1000\n")).daily("AAPL", BYMD="20261118")
    assert (body["output1"], body["output2"]) == ({"rsym": "DNASAAPL", "zdiv": "4", "nrec": "0"}, [])


def test_rows_are_printed_as_kis_prints_them(us: Callable[..., Overseas], bars: Callable[[str, str], Path]) -> None:
    rows = (
        "2022-04-04,1089.38,1149.91,1072.53,1145.45,27392567\n"
        "2022-04-05,1136.3,1152.87,1087.3,1091.26,26691673\n"
        "2022-04-06,0,0,0,1091.26,0\n"
        "2022-04-07,1091.26,1091.26,1091.26,1091.26,10\n"
    )
    client = us(data=bars("TSLA", rows), now=datetime(2022, 4, 8, 1, tzinfo=UTC))
    flat, idle, fall, first = client.daily("TSLA")["output2"]
    assert fall == {
        "xymd": "20220405",
        "clos": "1091.2600",
        "sign": "5",
        "diff": "54.1900",
        "rate": "-4.73",
        "open": "1136.3000",
        "high": "1152.8700",
        "low": "1087.3000",
        "tvol": "26691673",
        "tamt": str(int(1091.26 * 26691673)),
        "pbid": "1091.2600",
        "vbid": "100",
        "pask": "1091.2600",
        "vask": "100",
    }
    assert idle == {
        "xymd": "20220406",
        "clos": "1091.2600",
        "sign": "3",
        "diff": "0.0000",
        "rate": " 0.00",
        "open": "0.0000",
        "high": "0.0000",
        "low": "0.0000",
        "tvol": "0",
        "tamt": "0",
    }
    assert (flat["sign"], flat["diff"], flat["rate"], flat["pbid"]) == ("3", "0.0000", " 0.00", "1091.2600")
    assert first["clos"] == "1145.4500"


@needs_recordings
def test_fields_stand_in_the_order_of_recorded_answers(us: Callable[..., Overseas]) -> None:
    folder = RECORDED / "kis_doc_examples"
    daily = json.loads((folder / "HHDFS76240000_dailyprice_TSLA.json").read_text(encoding="utf-8"), strict=False)
    found = json.loads((folder / "HHDFS76410000_inquire-search_NAS_160-161.json").read_text(encoding="utf-8"), strict=False)
    client = us()
    page, result = client.daily("AAPL"), client.search("NAS")
    assert (list(page), list(page["output1"])) == (list(daily), list(daily["output1"]))
    assert list(page["output2"][0]) == list(daily["output2"][0])
    assert (list(result), list(result["output1"])) == (list(found), list(found["output1"]))
    assert list(result["output2"][0]) == list(found["output2"][0])


@pytest.mark.parametrize(
    ("code", "exchange"),
    [("ZZZQQ", "NAS"), ("AAPL", "NYS"), ("AAPL", "nas"), ("AAPL", "BAQ"), ("aapl", "NAS"), ("AAPL", "HKS")],
)
def test_a_symbol_the_exchange_does_not_have_has_empty_fields_and_no_rows(
    us: Callable[..., Overseas], code: str, exchange: str
) -> None:
    body = us().daily(code, exchange)
    assert (body["output1"], body["output2"]) == ({"rsym": "", "zdiv": "", "nrec": ""}, [])
    assert body["rt_cd"] == "0"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"EXCD": ""}, "ERROR INPUT FIELD NOT FOUND [EXCD]"),
        ({"SYMB": ""}, "ERROR INPUT FIELD NOT FOUND [SYMB]"),
        ({"GUBN": "3"}, "ERROR INVALID GUBN"),
        ({"BYMD": "2026-11-20"}, "ERROR INVALID BYMD"),
        ({"MODP": "2"}, "ERROR INVALID MODP"),
    ],
)
def test_a_missing_or_wrong_field_is_refused(us: Callable[..., Overseas], changed: dict[str, str], text: str) -> None:
    assert us().daily("AAPL", **changed) == {"rt_cd": "2", "msg_cd": "OPSQ2001", "msg1": text}


def test_adjusted_rows_stand_beside_todays_and_raw_ones_as_they_traded(us: Callable[..., Overseas]) -> None:
    market = GeneratedMarket(region="US", seed=1, tickers=12)
    name, step = next(
        (name, step)
        for name in market.names(EVENING)
        for step in market.steps(name.code, EVENING)
        if step.ex_date.year == 2026 and step.factor < 1 and len(market.steps(name.code, EVENING)) == 1
    )
    exchange = {"XNAS": "NAS", "XNYS": "NYS", "XASE": "AMS"}[name.venue]
    before = f"{SESSIONS.previous_session(step.ex_date):%Y%m%d}"
    client = us()
    raw = client.daily(name.code, exchange, BYMD=before)["output2"][0]
    adjusted = client.daily(name.code, exchange, BYMD=before, MODP="1")["output2"][0]
    assert adjusted["xymd"] == raw["xymd"] == before
    assert float(adjusted["clos"]) == pytest.approx(float(raw["clos"]) * step.factor, abs=0.00011)
    after = f"{step.ex_date:%Y%m%d}"
    assert (
        client.daily(name.code, exchange, BYMD=after)["output2"][0]
        == client.daily(name.code, exchange, BYMD=after, MODP="1")["output2"][0]
    )


def test_weeks_and_months_hold_their_days(us: Callable[..., Overseas]) -> None:
    client = us()
    days = [row for row in client.daily("AAPL")["output2"] if row["xymd"] >= "20261102"]
    week, month = client.daily("AAPL", GUBN="1")["output2"][0], client.daily("AAPL", GUBN="2")["output2"][0]
    assert (week["xymd"], month["xymd"]) == ("20261116", "20261120")
    assert int(week["tvol"]) == sum(int(day["tvol"]) for day in days if day["xymd"] >= "20261116")
    assert (month["open"], month["clos"]) == (days[-1]["open"], days[0]["clos"])


def test_the_price_call_says_what_the_newest_row_says(us: Callable[..., Overseas]) -> None:
    client = us()
    today, before = client.daily("AAPL")["output2"][:2]
    path = "overseas-price/v1/quotations/price"
    known = client.ask("HHDFS00000300", path, AUTH="", EXCD="NAS", SYMB="AAPL")["output"]
    unknown = client.ask("HHDFS00000300", path, AUTH="", EXCD="NYS", SYMB="AAPL")["output"]
    assert {field: known[field] for field in ("last", "sign", "diff", "rate", "tvol", "tamt", "pvol", "rsym")} == {
        "last": today["clos"],
        "sign": today["sign"],
        "diff": today["diff"],
        "rate": today["rate"],
        "tvol": today["tvol"],
        "tamt": today["tamt"],
        "pvol": before["tvol"],
        "rsym": "DNASAAPL",
    }
    assert unknown == dict.fromkeys(known, "")


# ---- the condition search ----


def test_the_search_pages_by_rank_and_says_when_there_is_more(us: Callable[..., Overseas]) -> None:
    client = us(tickers=500)
    pages, conts, key = [], [], ""
    while not conts or conts[-1] in ("F", "M"):
        pages.append(client.search("NYS", "N" if conts else "", KEYB=key))
        conts.append(client.cont)
        key = pages[-1]["output2"][-1]["rank"]
    rows = [row for page in pages for row in page["output2"]]
    assert conts == ["F", *["M"] * (len(pages) - 2), "D"]
    assert len(pages) > 2
    assert [len(page["output2"]) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert {page["output1"]["trec"] for page in pages} == {str(len(rows))}
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, len(rows) + 1)]
    assert len({row["symb"] for row in rows}) == len(rows)
    values = [int(row["valx"]) for row in rows]
    assert values == sorted(values, reverse=True)


def test_the_next_key_counts_only_with_the_header_that_goes_on(us: Callable[..., Overseas]) -> None:
    client = us(tickers=100)
    assert client.search("NYS", KEYB="3") == client.search("NYS")
    assert client.search("NYS", "N", KEYB="3")["output2"][0]["rank"] == "4"


def test_the_search_finds_what_the_charts_say(us: Callable[..., Overseas]) -> None:
    client = us()
    (row,) = [row for row in client.search("NAS")["output2"] if row["symb"] == "AAPL"]
    bar = client.daily("AAPL")["output2"][0]
    shared = {"last": "clos", "sign": "sign", "diff": "diff", "rate": "rate", "tvol": "tvol", "avol": "tamt"}
    shared |= {"popen": "open", "phigh": "high", "plow": "low"}
    assert {field: row[field] for field in shared} == {field: bar[theirs] for field, theirs in shared.items()}
    assert int(row["valx"]) == round(float(bar["clos"]) * 10_000) * int(row["shar"]) // 10_000_000
    assert (row["rsym"], row["excd"], row["e_ordyn"]) == ("DNASAAPL", "NAS", "○")


def test_a_condition_on_the_value_leaves_the_small_names_out(us: Callable[..., Overseas]) -> None:
    client = us()
    everything = client.search("NYS")["output2"]
    floor = everything[len(everything) // 2]["valx"]
    found = client.search("NYS", CO_YN_VALX="1", CO_ST_VALX=floor, CO_EN_VALX="")["output2"]
    assert found == everything[: len(everything) // 2 + 1]
    unused = client.search("NYS", CO_YN_VALX="", CO_ST_VALX=floor, CO_EN_VALX="")["output2"]
    assert unused == everything


@pytest.mark.parametrize(
    ("condition", "measure"),
    [
        ("PRICECUR", lambda row: float(row["last"])),
        ("RATE", lambda row: float(row["rate"])),
        ("SHAR", lambda row: int(row["shar"]) / 1000),
        ("VOLUME", lambda row: int(row["tvol"])),
        ("AMT", lambda row: int(row["avol"]) / 1000),
    ],
)
def test_every_condition_compares_its_field(
    us: Callable[..., Overseas], condition: str, measure: Callable[[Any], float]
) -> None:
    client = us(tickers=40)
    everything = client.search("NYS")["output2"]
    # Half a hundredth above one of the values: whatever the wire rounds to two decimals is on one side of it.
    least = f"{sorted(measure(row) for row in everything)[len(everything) // 2] + 0.005:.3f}"
    limits = {f"CO_YN_{condition}": "1", f"CO_ST_{condition}": least, f"CO_EN_{condition}": ""}
    found = {row["symb"] for row in client.search("NYS", **limits)["output2"]}
    assert 0 < len(found) < len(everything)
    assert found == {row["symb"] for row in everything if measure(row) >= float(least)}


def test_a_name_that_did_not_trade_in_the_last_session_is_not_found(us: Callable[..., Overseas]) -> None:
    """MRFD of American is the thin name of a small market: it rested on the 20th and traded on the 19th."""

    def found(day: int) -> set[str]:
        return {row["symb"] for row in us(tickers=14, now=datetime(2026, 11, day, 22, tzinfo=UTC)).search("AMS")["output2"]}

    assert ("MRFD" in found(19), "MRFD" in found(20)) == (True, False)


def test_a_search_that_cannot_be_read_is_refused_and_an_unknown_exchange_is_empty(us: Callable[..., Overseas]) -> None:
    client = us()
    assert client.search("NAS", CO_YN_VALX="1", CO_ST_VALX="much")["msg1"] == "ERROR INVALID CO_ST_VALX"
    assert client.search("NAS", "N", KEYB="first")["msg1"] == "ERROR INVALID KEYB"
    assert client.search("HKS")["output2"] == []


# ---- the index ----


def test_the_index_comes_a_hundred_rows_a_call(us: Callable[..., Overseas]) -> None:
    client = us()
    body = client.index("SPX")
    rows = body["output2"]
    expected = SESSIONS.window(100, date(2026, 11, 20))[::-1]
    assert [row["stck_bsop_date"] for row in rows] == [f"{day:%Y%m%d}" for day in expected]
    assert (body["output1"]["stck_shrn_iscd"], body["output1"]["ovrs_nmix_prpr"]) == ("SPX", rows[0]["ovrs_nmix_prpr"])
    assert body["output1"]["ovrs_nmix_prdy_clpr"] == rows[1]["ovrs_nmix_prpr"]
    (one,) = client.index("SPX", FID_INPUT_DATE_1="20261105", FID_INPUT_DATE_2="20261105")["output2"]
    assert one == next(row for row in rows if row["stck_bsop_date"] == "20261105")


@needs_recordings
def test_the_index_has_the_fields_of_the_recorded_one(us: Callable[..., Overseas]) -> None:
    path = RECORDED / "kis_doc_examples/FHKST03030100_inquire-daily-chartprice_DJI.json"
    recorded = json.loads(path.read_text(encoding="utf-8"), strict=False)
    body = us().index(".DJI")
    assert set(recorded["output1"]) <= set(body["output1"])
    assert set(recorded["output2"][0]) == set(body["output2"][0])
    assert body["output1"]["stck_shrn_iscd"] == ".DJI"


def test_other_divisions_and_indices_have_no_rows(us: Callable[..., Overseas]) -> None:
    client = us()
    answers = [client.index("FX@KRW", FID_COND_MRKT_DIV_CODE="X"), client.index("NDX"), client.index("AAPL")]
    assert [(body["output1"]["stck_shrn_iscd"], body["output2"]) for body in answers] == [("", [])] * 3
    assert client.index("SPX", FID_COND_MRKT_DIV_CODE="U")["msg1"] == "ERROR INVALID FID_COND_MRKT_DIV_CODE"


# ---- listings and holidays ----


@pytest.mark.skipif(not SPECIFICATION.is_dir(), reason="no specification beside the checkout")
def test_a_listing_has_every_field_of_the_specification_in_its_order(us: Callable[..., Overseas]) -> None:
    text = (SPECIFICATION / "해외주식_상품기본정보.tsv").read_text(encoding="utf-8")
    lines = text.partition("\toutput\t")[2].splitlines()[1:]
    fields = [line.split("\t")[1] for line in lines if line.startswith("\t")]
    body = us().info("512", "AAPL")
    assert len(fields) > 50
    assert list(body["output"]) == fields
    assert all(isinstance(value, str) for value in body["output"].values())
    assert (body["msg_cd"], body["msg1"].rstrip(), len(body["msg1"].encode("cp949"))) == ("KIOK0530", "조회되었습니다", 80)


def test_a_listing_that_is_over_says_since_when(us: Callable[..., Overseas], bars: Callable[[str, str], Path]) -> None:
    rows = "2026-11-18,20,21,19,20.5,1000\n2026-11-19,20,21,19,20.5,1000\n"
    fields = ("lstg_dt", "lstg_yn", "lstg_abol_item_yn", "lstg_abol_dt", "ovrs_excg_cd")
    client = us(data=bars("GONE", rows))
    over = client.info("512", "GONE")["output"]
    assert [over[field] for field in fields] == ["20261118", "N", "Y", "20261120", "NASD"]
    control.set_clock(f"http://{client.client.connection.host}:{client.client.connection.port}", EVENING.replace(day=19))
    before = client.info("512", "GONE")["output"]
    assert [before[field] for field in fields] == ["20261118", "Y", "N", "", "NASD"]


@pytest.mark.parametrize(("product", "code"), [("512", "ZZZQQ"), ("513", "AAPL"), ("300", "AAPL"), ("501", "AAPL")])
def test_a_product_that_is_not_there_is_answered_with_seven(us: Callable[..., Overseas], product: str, code: str) -> None:
    assert us().info(product, code)["rt_cd"] == "7"


@needs_recordings
def test_the_settlement_days_are_the_recorded_ones(us: Callable[..., Overseas]) -> None:
    path = RECORDED / "kis_doc_examples/CTOS5011R_countries-holiday_20221227.json"
    recorded = json.loads(path.read_text(encoding="utf-8"), strict=False)
    body = us().holiday("20221227")
    # Two more codes of the US and Vietnam's third market, which the quotations do not have.
    assert body["output"] == [row for row in recorded["output"] if row["prdt_type_cd"] not in ("527", "528", "556")]
    assert (body["ctx_area_fk"], body["ctx_area_nk"]) == (recorded["ctx_area_fk"], recorded["ctx_area_nk"])


def test_the_last_trades_of_two_sessions_and_the_first_of_one_settle_together(us: Callable[..., Overseas]) -> None:
    # 2024-05-29 was the double settlement day of the SEC's change; the 27th was Memorial Day. Tokyo and Hanoi changed nothing.
    client = us()
    found = {
        day: {row["prdt_type_cd"]: row["acpl_sttl_dt"] for row in client.holiday(day)["output"]}
        for day in ("20240524", "20240528", "20240530")
    }
    settled = {day: [rows[product] for product in ("512", "513", "529", "515", "507")] for day, rows in found.items()}
    assert settled == {
        "20240524": ["20240529", "20240529", "20240529", "20240528", "20240528"],
        "20240528": ["20240529", "20240529", "20240529", "20240530", "20240530"],
        "20240530": ["20240531", "20240531", "20240531", "20240603", "20240603"],
    }


def test_a_closed_day_and_a_day_to_come_have_no_settlement(us: Callable[..., Overseas]) -> None:
    client = us()
    found = {
        day: [row["prdt_type_cd"] for row in client.holiday(day)["output"]] for day in ("20261120", "20261121", "20261123")
    }
    assert found == {
        "20261120": ["501", "507", "508", "512", "513", "515", "529", "543", "551", "552", "558"],
        "20261121": [],
        "20261123": [],
    }
    assert [row["tr_natn_cd"] for row in client.holiday("20260703")["output"] if row["tr_natn_cd"] == "840"] == []


# ---- hosts, regions, the ledger ----


def test_the_paper_host_has_the_prices_and_not_the_listings(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    sandbox = start(now=EVENING, regions=("US",), paper_port=0, enforce_limits=False)
    client = connect(sandbox.paper_url)
    paper = Overseas(client)
    served = [paper.daily("AAPL"), paper.search("NAS"), paper.index("SPX")]
    assert [bool(body["output2"]) for body in served] == [True, True, True]
    path = "/uapi/overseas-price/v1/quotations/search-info?PRDT_TYPE_CD=512&PDNO=AAPL"
    status, _, body = client.ask("GET", path, headers=client.headers("CTPF1702R"))
    assert (status, body["msg_cd"]) == (500, "EGW02006")


def test_of_a_region_that_is_not_served_every_code_is_unknown(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    korea = Overseas(connect(start(regions=("KR",), enforce_limits=False).url))
    america = connect(start(regions=("US",), enforce_limits=False).url)
    assert korea.daily("AAPL")["output1"]["rsym"] == ""
    assert korea.index("SPX")["output2"] == []
    assert korea.search("NAS")["output1"]["trec"] == "0"
    assert america.daily("005930", "20261101", "20261120")[1]["output2"] == [{}]


def test_the_ledger_says_what_was_asked_about_and_how_much_was_served(
    start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    sandbox = start(now=EVENING, regions=("US",), enforce_limits=False)
    client = Overseas(connect(sandbox.url))
    client.daily("AAPL", BYMD="20261101")
    client.index("SPX")
    found = client.search("NAS")
    asked = [
        (row["tr"], row["code"], row["from"], row["until"], row["served_rows"])
        for row in control.report(sandbox.url, detail=True)["detail"]
    ]
    assert asked == [
        ("HHDFS76240000", "AAPL", "", "20261101", 100),
        ("FHKST03030100", "SPX", "20250101", "20261120", 100),
        ("HHDFS76410000", "NAS", "", "", len(found["output2"])),
    ]
