"""US daily bars, index levels and listings: a wire without a start, under KIS's symbols."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.base import BARS, INDEX_BARS, REFUSED, Instrument, Listing
from adapters.kis import KisAdapter
from pipeline.calendars import calendar
from pipeline.errors import Unavailable, Unsupported, UsageError

TR = "HHDFS76240000"
INDEX_TR = "FHKST03030100"
INFO_TR = "CTPF1702R"
END = dt.date(2024, 6, 28)
APPLE = Instrument("US", "AAPL", "XNAS", "USD")
RECORDED = Path(__file__).parents[4] / "shared" / "api" / "recorded"


def sessions(n: int) -> list[dt.date]:
    return calendar("XNYS").window(n, END)


def bar(date: dt.date, close: float = 190.25, **fields: Any) -> dict[str, Any]:
    """One daily row as KIS writes it."""
    return {
        "xymd": date.strftime("%Y%m%d"),
        "clos": f"{close:.4f}",
        "sign": "2",
        "diff": "1.1000",
        "rate": "+0.58",
        "open": f"{close - 1:.4f}",
        "high": f"{close + 2:.4f}",
        "low": f"{close - 2:.4f}",
        "tvol": "53124000",
        "tamt": "10106841000",
        "pbid": f"{close:.4f}",
        "vbid": "100",
        "pask": f"{close:.4f}",
        "vask": "100",
        **fields,
    }


def chart(rows: list[Any], code: Any = "DNASAAPL", nrec: str = "100") -> tuple[int, dict[str, Any]]:
    head = {"rsym": code, "zdiv": "4", "nrec": nrec}
    return 200, {"output1": head, "output2": rows, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리 되었습니다."}


def served(series: list[dict[str, Any]], limit: int = 100) -> Callable[[Any], Any]:
    """Newest first from BYMD back, at most `limit` rows, whatever the start of anybody's range."""

    def answer(one: Any) -> Any:
        rows = sorted((row for row in series if row["xymd"] <= one.params["BYMD"]), key=lambda row: row["xymd"])
        return chart(rows[::-1][:limit], f"D{one.params['EXCD']}{one.params['SYMB']}")

    return answer


def test_a_range_is_paged_back_and_what_is_older_is_left_out(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(400)
    script.answers[TR] = served([bar(day, 100 + at / 100) for at, day in enumerate(days)])
    start = days[150]
    history = us_adapter.history(APPLE, start, END)
    assert history.bars.schema == BARS
    assert history.bars["date"].to_list() == days[150:]
    assert history.bars["close"].to_list() == [round(100 + at / 100, 4) for at in range(150, 400)]
    assert (history.pages, history.exhausted, history.refused.height) == (3, True, 0)
    assert history.bars.row(0, named=True) == {
        "region": "US",
        "ticker": "AAPL",
        "date": start,
        "open": 100.5,
        "high": 103.5,
        "low": 99.5,
        "close": 101.5,
        "volume": 53124000,
        "amount": 10106841000.0,
        "currency": "USD",
        "provider": "kis",
        "basis": "raw",
        "adjusted_through": None,
    }
    asked = script.of(TR)
    assert asked[0].path == "/uapi/overseas-price/v1/quotations/dailyprice"
    assert asked[0].params == {
        "AUTH": "",
        "EXCD": "NAS",
        "SYMB": "AAPL",
        "GUBN": "0",
        "BYMD": "20240628",
        "MODP": "0",
        "KEYB": "",
    }
    assert [one.params["BYMD"] for one in asked[1:]] == [
        (days[300] - dt.timedelta(days=1)).strftime("%Y%m%d"),
        (days[200] - dt.timedelta(days=1)).strftime("%Y%m%d"),
    ]


def test_a_short_range_takes_one_request_however_full_its_page(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(120)
    script.answers[TR] = served([bar(day) for day in days])
    history = us_adapter.history(APPLE, days[-6], END)
    assert history.bars["date"].to_list() == days[-6:]
    assert (history.pages, history.exhausted, history.refused.height) == (1, True, 0)


@pytest.mark.parametrize(
    ("ticker", "mic", "exchange", "symbol"),
    [
        ("BRK.B", "XNYS", "NYS", "BRK/B"),
        ("ABR-D", "XNYS", "NYS", "ABR/D"),
        ("SPY", "XASE", "AMS", "SPY"),
        ("AAPL", "XNAS", "NAS", "AAPL"),
    ],
)
def test_a_listing_is_asked_for_by_its_venues_exchange_and_kis_symbol(
    script: Any, us_adapter: KisAdapter, ticker: str, mic: str, exchange: str, symbol: str
) -> None:
    script.answers[TR] = served([bar(END)])
    history = us_adapter.history(Instrument("US", ticker, mic, "USD"), END, END)
    assert history.bars.select("ticker", "date").rows() == [(ticker, END)]
    assert [(one.params["EXCD"], one.params["SYMB"]) for one in script.of(TR)] == [(exchange, symbol)]


def test_an_unknown_symbol_is_asked_for_twice_and_on_no_other_exchange(script: Any, us_adapter: KisAdapter) -> None:
    script.answers[TR] = lambda one: chart([], code="", nrec="")
    history = us_adapter.history(APPLE, sessions(5)[0], END)
    assert (history.bars.height, history.refused.height, history.pages, history.exhausted) == (0, 0, 2, True)
    assert (history.bars.schema, history.refused.schema) == (BARS, REFUSED)
    assert {one.params["EXCD"] for one in script.of(TR)} == {"NAS"}


def test_empty_objects_are_filler(script: Any, us_adapter: KisAdapter) -> None:
    script.answers[TR] = lambda one: chart([{}], code="")
    history = us_adapter.history(APPLE, END, END)
    assert (history.bars.height, history.refused.height, history.exhausted) == (0, 0, True)


def test_a_young_listing_is_believed_after_a_second_answer(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(60)
    script.answers[TR] = served([bar(day) for day in days[30:]])
    history = us_adapter.history(APPLE, days[0], END)
    assert history.bars["date"].to_list() == days[30:]
    assert (history.pages, history.exhausted) == (2, True)


def test_a_page_that_ends_before_the_range_does_not_hide_a_hole_at_its_start(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(60)
    honest = served([bar(day) for day in days])
    slip = [bar(day) for day in (*days[50:], days[0])][::-1]
    first = iter((True,))
    script.answers[TR] = lambda one: chart(slip) if next(first, False) else honest(one)
    history = us_adapter.history(APPLE, days[20], END)
    assert history.bars["date"].to_list() == days[20:]
    assert (history.pages, history.exhausted, history.refused.height) == (2, True, 0)


def test_only_older_rows_are_twice_asked_for_and_no_rows(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(40)
    script.answers[TR] = served([bar(day) for day in days[:20]])
    history = us_adapter.history(APPLE, days[30], END)
    assert (history.bars.height, history.refused.height, history.pages, history.exhausted) == (0, 0, 2, True)


def test_a_page_that_comes_again_ends_the_walk(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(250)
    newest = [bar(day) for day in days[150:]][::-1]
    script.answers[TR] = lambda one: chart(newest)
    history = us_adapter.history(APPLE, days[0], END)
    assert history.bars["date"].to_list() == days[150:]
    assert (history.pages, history.exhausted, history.refused.height) == (2, False, 0)


def test_a_row_after_the_range_is_refused(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(3)
    script.answers[TR] = lambda one: chart([bar(day) for day in days[::-1]])
    history = us_adapter.history(APPLE, days[1], days[1])
    assert history.bars["date"].to_list() == [days[1]]
    assert history.refused.select("ticker", "date", "rule").rows() == [("AAPL", days[2], "outside_range")]


@pytest.mark.parametrize("code", ["DNASMSFT", "DNYSAAPL", "NASAAPL", "", None, 7])
def test_an_answer_that_does_not_name_the_asked_listing_is_refused_whole(
    script: Any, us_adapter: KisAdapter, code: Any
) -> None:
    days = sessions(3)
    script.answers[TR] = lambda one: chart([bar(day) for day in days[::-1]], code)
    history = us_adapter.history(APPLE, days[1], END)
    assert (history.bars.height, history.pages, history.exhausted) == (0, 1, False)
    assert history.refused.select("date", "rule").rows() == [(day, "wrong_ticker") for day in days[::-1]]


def test_an_untraded_day_is_a_row(script: Any, us_adapter: KisAdapter) -> None:
    row = bar(END, 12.5, open="0.0000", high="0.0000", low="0.0000", tvol="0", tamt="0")
    for name in ("pbid", "vbid", "pask", "vask"):
        del row[name]
    script.answers[TR] = lambda one: chart([row])
    bars = us_adapter.history(APPLE, END, END).bars
    assert bars.select("open", "high", "low", "close", "volume", "amount").row(0) == (0, 0, 0, 12.5, 0, 0)


@pytest.mark.parametrize("nrec", ["", "0", "1", "1090.0000", "none"])
def test_the_count_of_rows_in_the_head_is_not_trusted(script: Any, us_adapter: KisAdapter, nrec: str) -> None:
    days = sessions(3)
    script.answers[TR] = lambda one: chart([bar(day) for day in days[::-1]], nrec=nrec)
    assert us_adapter.history(APPLE, days[0], END).bars["date"].to_list() == days


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"clos": ""}, "missing_field"),
        ({"open": None}, "missing_field"),
        ({"high": "inf"}, "unparsable"),
        ({"low": "-1.0000"}, "unparsable"),
        ({"clos": "1,045.76"}, "unparsable"),
        ({"tvol": "12.5"}, "unparsable"),
        ({"tvol": {}}, "unparsable"),
        ({"tamt": "x"}, "unparsable"),
        ({"xymd": "20240230"}, "unparsable"),
        ({"xymd": ["20240628"]}, "unparsable"),
        ({"xymd": None}, "missing_field"),
    ],
)
def test_a_row_that_cant_be_read_is_refused_alone(
    script: Any, us_adapter: KisAdapter, fields: dict[str, Any], rule: str
) -> None:
    days = sessions(3)
    bad = bar(days[1], **fields)
    script.answers[TR] = lambda one: chart([bar(days[2]), bad, bar(days[0]), "nonsense", None])
    history = us_adapter.history(APPLE, days[0], END)
    assert history.bars["date"].to_list() == [days[0], days[2]]
    assert history.refused["rule"].to_list() == [rule, "unparsable", "unparsable"]
    assert json.loads(history.refused["raw"][0]) == bad


def test_numbers_instead_of_text_are_read(script: Any, us_adapter: KisAdapter) -> None:
    row = bar(END, open=101.5, high=103, low=99.25, clos=102.125, tvol=500, tamt=None)
    script.answers[TR] = lambda one: chart([row])
    bars = us_adapter.history(APPLE, END, END).bars
    assert bars.select("open", "high", "low", "close", "volume", "amount").row(0) == (101.5, 103, 99.25, 102.125, 500, None)


@pytest.mark.parametrize("body", [{}, {"output1": {}}, {"output1": [], "output2": []}, {"output1": {}, "output2": {}}])
def test_a_success_without_its_outputs_is_no_success(script: Any, us_adapter: KisAdapter, body: dict[str, Any]) -> None:
    script.answers[TR] = lambda one: (200, {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "", **body})
    with pytest.raises(Unavailable, match="output"):
        us_adapter.history(APPLE, END, END)


def test_an_adapter_serves_its_own_region_only(
    us_adapter: KisAdapter, samsung: Instrument, script: Any, settings_home: Path, adapter_on: Callable[..., KisAdapter]
) -> None:
    with pytest.raises(Unsupported, match="no history for region KR"):
        us_adapter.history(samsung, END, END)
    with pytest.raises(Unsupported, match="no universe for region KR"):
        us_adapter.universe("KR")
    with pytest.raises(Unsupported, match="US and venue XKRX"):
        us_adapter.history(Instrument("US", "AAPL", "XKRX", "USD"), END, END)
    with pytest.raises(Unsupported, match="US and index KOSPI"):
        us_adapter.index("US", "KOSPI", END, END)
    with pytest.raises(UsageError, match="ends before it starts"):
        us_adapter.history(APPLE, END, END - dt.timedelta(days=1))
    with pytest.raises(Unsupported, match="no history for region AU"):
        adapter_on(script, settings_home / "state", region="AU").history(Instrument("AU", "CBA", "XASX", "AUD"), END, END)
    assert script.asked == []


def level(day: dt.date, close: str = "5460.48", **fields: Any) -> dict[str, Any]:
    return {
        "stck_bsop_date": day.strftime("%Y%m%d"),
        "ovrs_nmix_prpr": close,
        "ovrs_nmix_oprc": "5488.48",
        "ovrs_nmix_hgpr": "5523.64",
        "ovrs_nmix_lwpr": "5451.12",
        "acml_vol": "3845230000",
        "mod_yn": "N",
        **fields,
    }


def levels(rows: list[Any], code: str) -> tuple[int, dict[str, Any]]:
    return 200, {"output1": {"stck_shrn_iscd": code}, "output2": rows, "rt_cd": "0", "msg_cd": "MCA00000", "msg1": ""}


def test_index_levels_come_a_hundred_a_page_with_volume_as_printed_and_no_amount(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(180)

    def answer(one: Any) -> Any:
        first, until = one.params["FID_INPUT_DATE_1"], one.params["FID_INPUT_DATE_2"]
        rows = [level(day) for day in days[::-1] if first <= day.strftime("%Y%m%d") <= until]
        return levels(rows[:100], one.params["FID_INPUT_ISCD"])

    script.answers[INDEX_TR] = answer
    found = us_adapter.index("US", "SPX", days[0], END)
    assert found.bars.schema == INDEX_BARS
    assert found.bars["date"].to_list() == days
    assert (found.pages, found.refused.height) == (2, 0)
    assert found.bars.row(0, named=True) == {
        "region": "US",
        "index_code": "SPX",
        "date": days[0],
        "open": 5488.48,
        "high": 5523.64,
        "low": 5451.12,
        "close": 5460.48,
        "volume": 3845230000,
        "amount": None,
        "currency": "USD",
        "provider": "kis",
    }
    assert script.of(INDEX_TR)[0].params == {
        "FID_COND_MRKT_DIV_CODE": "N",
        "FID_INPUT_ISCD": "SPX",
        "FID_INPUT_DATE_1": days[0].strftime("%Y%m%d"),
        "FID_INPUT_DATE_2": "20240628",
        "FID_PERIOD_DIV_CODE": "D",
    }


def test_another_indexs_levels_and_rows_outside_the_range_are_refused(script: Any, us_adapter: KisAdapter) -> None:
    days = sessions(3)
    script.answers[INDEX_TR] = lambda one: levels([level(days[2])], ".DJI")
    found = us_adapter.index("US", "SPX", days[1], END)
    assert found.refused.select("ticker", "date", "rule").rows() == [("SPX", days[2], "wrong_ticker")]
    script.answers[INDEX_TR] = lambda one: levels([level(days[2]), level(days[1], "-"), level(days[0])], "SPX")
    found = us_adapter.index("US", "SPX", days[1], END)
    assert found.bars["date"].to_list() == [days[2]]
    assert found.refused.select("date", "rule").rows() == [(days[1], "unparsable"), (days[0], "outside_range")]


def info(**fields: Any) -> tuple[int, dict[str, Any]]:
    output = {
        "std_pdno": "US0378331005",
        "prdt_eng_name": "APPLE INC",
        "natn_cd": "840",
        "ovrs_excg_cd": "NASD",
        "tr_crcy_cd": "USD",
        "lstg_dt": "",
        "ovrs_stck_tr_stop_dvsn_cd": "01",
        "lstg_abol_item_yn": "N",
        "lstg_yn": "Y",
        "blbg_tckr_text": "AAPL US",
        "lstg_abol_dt": "",
        **fields,
    }
    return 200, {"output": output, "rt_cd": "0", "msg_cd": "KIOK0530", "msg1": "조회되었습니다          "}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, False)),
        ({"lstg_dt": "19801212", "lstg_abol_dt": "00000000"}, (dt.date(1980, 12, 12), None, False)),
        ({"ovrs_stck_tr_stop_dvsn_cd": "02"}, (None, None, True)),
        ({"ovrs_stck_tr_stop_dvsn_cd": "06"}, (None, None, True)),
        ({"ovrs_stck_tr_stop_dvsn_cd": ""}, (None, None, None)),
        ({"ovrs_stck_tr_stop_dvsn_cd": None}, (None, None, None)),
        ({"lstg_abol_dt": "20240516", "lstg_abol_item_yn": "Y"}, (None, dt.date(2024, 5, 15), False)),
        ({"lstg_abol_dt": "20240516", "lstg_yn": "N"}, (None, dt.date(2024, 5, 15), False)),
        # Announced: the end is known before it comes.
        ({"lstg_abol_dt": "20990102"}, (None, dt.date(2099, 1, 1), False)),
        ({"blbg_tckr_text": ""}, (None, None, False)),
        ({"blbg_tckr_text": "2034567D US", "lstg_abol_dt": "20240516"}, (None, dt.date(2024, 5, 15), False)),
    ],
)
def test_dates_of_a_listing(
    script: Any,
    us_adapter: KisAdapter,
    fields: dict[str, Any],
    expected: tuple[dt.date | None, dt.date | None, bool | None],
) -> None:
    script.answers[INFO_TR] = lambda one: info(**fields)
    assert us_adapter.listing(APPLE) == Listing("AAPL", *expected, "kis")
    (asked,) = script.of(INFO_TR)
    assert asked.path == "/uapi/overseas-price/v1/quotations/search-info"
    assert asked.params == {"PRDT_TYPE_CD": "512", "PDNO": "AAPL"}


@pytest.mark.parametrize(
    ("mic", "ticker", "product", "symbol", "orders"),
    [("XNYS", "BRK.B", "513", "BRK/B", "NYSE"), ("XASE", "IMO", "529", "IMO", "AMEX")],
)
def test_each_exchange_has_its_product_type(
    script: Any, us_adapter: KisAdapter, mic: str, ticker: str, product: str, symbol: str, orders: str
) -> None:
    script.answers[INFO_TR] = lambda one: info(ovrs_excg_cd=orders, blbg_tckr_text=f"{symbol} US")
    assert us_adapter.listing(Instrument("US", ticker, mic, "USD")).ticker == ticker
    assert script.of(INFO_TR)[0].params == {"PRDT_TYPE_CD": product, "PDNO": symbol}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((200, {"rt_cd": "7", "msg_cd": "KIOK0560", "msg1": "없는 상품"}), "KIOK0560"),
        (info(ovrs_excg_cd="NYSE"), "ovrs_excg_cd is 'NYSE'"),
        (info(ovrs_excg_cd=""), "ovrs_excg_cd is empty"),
        (info(tr_crcy_cd="HKD"), "tr_crcy_cd is 'HKD'"),
        (info(blbg_tckr_text="MSFT US"), "'MSFT US'"),
        (info(blbg_tckr_text={"AAPL": 1}), "asked was 'AAPL'"),
        (info(lstg_abol_dt="2024-05"), "lstg_abol_dt"),
        (info(lstg_abol_dt=20240516.5), "lstg_abol_dt"),
        (info(lstg_abol_item_yn="Y"), "does not say when"),
        (info(lstg_yn="N", lstg_abol_dt="00000000"), "does not say when"),
        (info(lstg_dt="20240516", lstg_abol_dt="20240515"), "before it begins"),
        ((200, {"rt_cd": "0", "output": []}), "output"),
    ],
)
def test_what_is_no_evidence_is_no_delisting(script: Any, us_adapter: KisAdapter, reply: tuple[int, Any], words: str) -> None:
    script.answers[INFO_TR] = lambda one: reply
    with pytest.raises(Unavailable, match=words):
        us_adapter.listing(APPLE)


def test_the_paper_host_tells_of_no_listing(script: Any, settings_home: Path, adapter_on: Callable[..., KisAdapter]) -> None:
    with pytest.raises(Unsupported, match="no listing for region US on the paper host"):
        adapter_on(script, settings_home / "state", account="paper", region="US").listing(APPLE)
    assert script.asked == []


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not beside this checkout")
def test_recorded_answers_are_read_as_they_stand(script: Any, us_adapter: KisAdapter) -> None:
    def recorded(name: str) -> Any:
        return json.loads((RECORDED / name).read_text(encoding="utf-8"))

    script.answers[TR] = lambda one: (200, recorded("kis_doc_examples/HHDFS76240000_dailyprice_TSLA.json"))
    day = dt.date(2022, 4, 6)
    columns = ("date", "open", "high", "low", "close", "volume", "amount")
    bars = us_adapter.history(Instrument("US", "TSLA", "XNAS", "USD"), dt.date(2022, 4, 5), day).bars
    assert bars.select(columns).rows() == [
        (dt.date(2022, 4, 5), 1136.3, 1152.87, 1087.3, 1091.26, 26691673, 29742125077.0),
        (day, 1073.47, 1079.0, 1027.7, 1045.76, 29782845, 31190274312.0),
    ]
    script.answers[TR] = lambda one: chart([recorded("kis_measured/HHDFS76240000_dailyprice_AAPL_row.json")])
    day = dt.date(2026, 6, 17)
    assert us_adapter.history(APPLE, day, day).bars.select(columns).rows() == [
        (day, 300.845, 302.07, 294.36, 295.95, 42745060, 12697950974.0)
    ]
    script.answers[INFO_TR] = lambda one: (200, recorded("kis_doc_examples/CTPF1702R_search-info_AAPL.json"))
    assert us_adapter.listing(APPLE) == Listing("AAPL", None, None, False, "kis")
