"""Daily bars and index levels: paging, the calendar's word, tolerant parsing."""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.base import ACTIONS, BARS, INDEX_BARS, REFUSED, History, Instrument
from adapters.kis import KisAdapter
from pipeline.calendars import calendar
from pipeline.errors import Unavailable, Unsupported, UsageError

TR = "FHKST03010100"
INDEX_TR = "FHKUP03500100"
END = dt.date(2024, 6, 28)
RECORDED = Path(__file__).parents[4] / "shared" / "api" / "recorded"


def sessions(n: int) -> list[dt.date]:
    return calendar("XKRX").window(n, END)


def test_a_range_is_paged_back_until_the_calendar_is_satisfied(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(250)
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day, 1000 + at) for at, day in enumerate(days)])
    history = adapter.history(samsung, days[0], END)
    assert history.bars.schema == BARS
    assert history.bars["date"].to_list() == days
    assert history.bars["close"].to_list() == [float(1000 + at) for at in range(250)]
    assert (history.pages, history.exhausted, history.refused.height) == (3, True, 0)
    assert history.bars.row(0, named=True) == {
        "region": "KR",
        "ticker": "005930",
        "date": days[0],
        "open": 995.0,
        "high": 1010.0,
        "low": 990.0,
        "close": 1000.0,
        "volume": 12345,
        "amount": 12345000.0,
        "currency": "KRW",
        "provider": "kis",
        "basis": "raw",
        "adjusted_through": None,
    }
    asked = script.of(TR)
    assert [one.params["FID_INPUT_DATE_2"] for one in asked] == [
        END.strftime("%Y%m%d"),
        (days[150] - dt.timedelta(days=1)).strftime("%Y%m%d"),
        (days[50] - dt.timedelta(days=1)).strftime("%Y%m%d"),
    ]
    assert {(one.params["FID_COND_MRKT_DIV_CODE"], one.params["FID_ORG_ADJ_PRC"]) for one in asked} == {("J", "1")}
    assert asked[0].headers["authorization"] == "Bearer token-1"
    assert (asked[0].headers["custtype"], asked[0].headers["tr_cont"]) == ("P", "")
    assert script.issues() == 1


def test_exactly_one_full_page_needs_one_request(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(100)
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day) for day in days])
    history = adapter.history(samsung, days[0], END)
    assert (history.bars.height, history.pages, history.exhausted) == (100, 1, True)


def test_a_short_page_is_the_end_only_after_a_second_answer(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(60)
    listed = days[30:]
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day) for day in listed])
    history = adapter.history(samsung, days[0], END)
    assert history.bars["date"].to_list() == listed
    assert (history.pages, history.exhausted) == (2, True)


def test_a_page_cut_short_does_not_lose_what_is_older(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(60)
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day) for day in days], limit=40)
    history = adapter.history(samsung, days[0], END)
    assert history.bars["date"].to_list() == days
    assert history.exhausted


def test_one_empty_answer_is_not_believed(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(150)
    honest = wire_rows.served([wire_rows.bar_row(day) for day in days])
    slips = iter((True, False, True, False))
    script.answers[TR] = lambda one: wire_rows.chart([], "005930") if next(slips, False) else honest(one)
    history = adapter.history(samsung, days[0], END)
    assert history.bars["date"].to_list() == days
    assert (history.pages, history.exhausted) == (4, True)


def test_two_empty_answers_are_the_end(script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any) -> None:
    script.answers[TR] = lambda one: wire_rows.chart([{}], "", stck_prpr="0")
    history = adapter.history(samsung, sessions(5)[0], END)
    assert (history.bars.height, history.refused.height) == (0, 0)
    assert (history.pages, history.exhausted) == (2, True)
    assert history.bars.schema == BARS
    assert history.refused.schema == REFUSED


def test_a_page_that_brings_nothing_older_ends_the_walk(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(150)
    newest = [wire_rows.bar_row(day) for day in days[50:]][::-1]
    script.answers[TR] = lambda one: wire_rows.chart(newest, "005930")
    history = adapter.history(samsung, days[0], END)
    assert history.bars["date"].to_list() == days[50:]
    assert (history.pages, history.exhausted, history.refused.height) == (2, False, 0)


def test_a_provider_that_gives_a_row_a_page_is_left_after_a_bounded_number_of_pages(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(100)
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day) for day in days], limit=1)
    history = adapter.history(samsung, days[0], END)
    assert (history.pages, history.exhausted) == (6, False)
    assert history.bars["date"].to_list() == days[-6:]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"stck_clpr": ""}, ("missing_field", "stck_clpr is empty")),
        ({"stck_clpr": None}, ("missing_field", "stck_clpr is missing")),
        ({"stck_oprc": "-"}, ("unparsable", "stck_oprc is '-'")),
        ({"stck_hgpr": "inf"}, ("unparsable", "stck_hgpr is 'inf'")),
        ({"stck_hgpr": "9" * 400}, ("unparsable", "stck_hgpr")),
        ({"stck_lwpr": "nan"}, ("unparsable", "stck_lwpr is 'nan'")),
        ({"stck_lwpr": "-1"}, ("unparsable", "negative")),
        ({"stck_clpr": "1_000"}, ("unparsable", "stck_clpr is '1_000'")),
        ({"stck_clpr": "１０００"}, ("unparsable", "stck_clpr")),
        ({"stck_clpr": ["1000"]}, ("unparsable", "stck_clpr is a JSON list")),
        ({"stck_clpr": True}, ("unparsable", "stck_clpr is a JSON bool")),
        ({"acml_vol": "-3"}, ("unparsable", "negative")),
        ({"acml_vol": "12.5"}, ("unparsable", "acml_vol is '12.5'")),
        ({"acml_vol": "9" * 19}, ("unparsable", "larger")),
        ({"acml_vol": "9" * 5000}, ("unparsable", "acml_vol")),
        ({"acml_tr_pbmn": "-"}, ("unparsable", "acml_tr_pbmn is '-'")),
        ({"stck_bsop_date": "20240230"}, ("unparsable", "stck_bsop_date is '20240230'")),
        ({"stck_bsop_date": ""}, ("missing_field", "stck_bsop_date is empty")),
    ],
)
def test_a_row_that_cant_be_read_is_refused_alone(
    script: Any, adapter: KisAdapter, wire_rows: Any, fields: dict[str, Any], refusal: tuple[str, str]
) -> None:
    rule, words = refusal
    days = sessions(3)
    bad = wire_rows.bar_row(days[1], **fields)
    rows = [wire_rows.bar_row(days[2]), bad, wire_rows.bar_row(days[0])]
    script.answers[TR] = lambda one: wire_rows.chart(rows, "005930")
    history = adapter.history(Instrument("KR", "005930", "XKRX", "KRW"), days[0], END)
    assert history.bars["date"].to_list() == [days[0], days[2]]
    (refused,) = history.refused.to_dicts()
    assert (refused["rule"], refused["ticker"], refused["provider"]) == (rule, "005930", "kis")
    assert words in refused["reason"]
    assert json.loads(refused["raw"]) == bad
    assert refused["date"] == (None if "stck_bsop_date" in fields else days[1])


def test_a_missing_field_is_a_refused_row_and_a_missing_amount_is_null(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(3)
    rows = [wire_rows.bar_row(day) for day in days[::-1]]
    del rows[0]["acml_tr_pbmn"]
    rows[1]["acml_tr_pbmn"] = ""
    del rows[2]["acml_vol"]
    script.answers[TR] = lambda one: wire_rows.chart(rows, "005930")
    history = adapter.history(samsung, days[0], END)
    assert history.bars.select("date", "amount").rows() == [(days[1], None), (days[2], None)]
    assert history.refused.select("date", "rule", "reason").rows() == [
        (days[0], "missing_field", "acml_vol is missing")
    ]


def test_rows_that_were_not_asked_for_are_refused(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(4)
    rows: list[Any] = [wire_rows.bar_row(day) for day in days[::-1]]
    script.answers[TR] = lambda one: wire_rows.chart([*rows, "nonsense", {}], "005930")
    history = adapter.history(samsung, days[1], days[2])
    assert history.bars["date"].to_list() == days[1:3]
    assert history.refused.select("date", "rule").rows() == [
        (days[3], "outside_range"),
        (days[0], "outside_range"),
        (None, "unparsable"),
    ]


def test_another_tickers_answer_is_refused_whole(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(2)
    script.answers[TR] = lambda one: wire_rows.chart([wire_rows.bar_row(day) for day in days], "000660")
    history = adapter.history(samsung, days[0], END)
    assert (history.bars.height, history.exhausted, history.pages) == (0, False, 1)
    assert history.refused["rule"].to_list() == ["wrong_ticker", "wrong_ticker"]
    assert "'000660'" in history.refused["reason"][0]


def test_the_same_row_twice_is_one_row_and_another_one_for_its_date_is_refused(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(2)
    rows = [wire_rows.bar_row(days[1]), wire_rows.bar_row(days[1]), wire_rows.bar_row(days[1], 2000)]
    script.answers[TR] = lambda one: wire_rows.chart([*rows, wire_rows.bar_row(days[0])], "005930")
    history = adapter.history(samsung, days[0], END)
    assert history.bars.select("date", "close").rows() == [(days[0], 1000.0), (days[1], 1000.0)]
    assert history.refused.select("date", "rule").rows() == [(days[1], "duplicate_row")]


def test_an_untraded_day_is_a_row(script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any) -> None:
    day = sessions(1)[0]
    row = wire_rows.bar_row(day, stck_oprc="0", stck_hgpr="0", stck_lwpr="0", acml_vol="0", acml_tr_pbmn="0")
    script.answers[TR] = lambda one: wire_rows.chart([row], "005930")
    history = adapter.history(samsung, day, day)
    assert history.bars.select("open", "high", "low", "close", "volume", "amount").row(0) == (0, 0, 0, 1000, 0, 0)


def test_ranges_before_the_calendar_are_asked_for_all_the_same(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    first = calendar("XKRX").first
    old = [first - dt.timedelta(days=days) for days in (1, 2, 3)]
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day) for day in old])
    history = adapter.history(samsung, old[-1] - dt.timedelta(days=10), first + dt.timedelta(days=10))
    assert history.bars["date"].to_list() == old[::-1]
    assert history.exhausted


def test_eight_threads_share_one_adapter_and_one_token(script: Any, adapter: KisAdapter, wire_rows: Any) -> None:
    days = sessions(120)
    script.answers[TR] = wire_rows.served([wire_rows.bar_row(day) for day in days])
    found: dict[str, int] = {}

    def ask(ticker: str) -> None:
        found[ticker] = adapter.history(Instrument("KR", ticker, "XKOS", "KRW"), days[0], END).bars.height

    threads = [threading.Thread(target=ask, args=(f"{number:06d}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {f"{number:06d}": 120 for number in range(8)}
    assert script.issues() == 1
    assert adapter.sent == 17


def test_what_the_adapter_does_not_serve_is_unsupported(adapter: KisAdapter, samsung: Instrument) -> None:
    with pytest.raises(Unsupported, match="region US"):
        adapter.history(Instrument("US", "AAPL", "XNAS", "USD"), END, END)
    with pytest.raises(Unsupported, match="venue XXXX"):
        adapter.history(Instrument("KR", "005930", "XXXX", "KRW"), END, END)
    with pytest.raises(Unsupported, match="index NIKKEI"):
        adapter.index("KR", "NIKKEI", END, END)
    with pytest.raises(UsageError, match="ends before it starts"):
        adapter.history(samsung, END, END - dt.timedelta(days=1))


def index_row(day: dt.date, level: str = "2610.81") -> dict[str, str]:
    return {
        "stck_bsop_date": day.strftime("%Y%m%d"),
        "bstp_nmix_prpr": level,
        "bstp_nmix_oprc": "2634.32",
        "bstp_nmix_hgpr": "2642.75",
        "bstp_nmix_lwpr": "2606.08",
        "acml_vol": "892653",
        "acml_tr_pbmn": "9289660",
        "mod_yn": "N",
    }


def test_index_levels_come_fifty_a_page_in_shares_and_won(script: Any, adapter: KisAdapter, wire_rows: Any) -> None:
    days = sessions(120)
    serve = wire_rows.served([index_row(day) for day in days], limit=50)

    def answer(one: Any) -> Any:
        status, body = serve(one)
        return status, {**body, "output1": {"bstp_cls_code": one.params["FID_INPUT_ISCD"]}}

    script.answers[INDEX_TR] = answer
    found = adapter.index("KR", "KOSDAQ", days[0], END)
    assert found.bars.schema == INDEX_BARS
    assert found.bars["date"].to_list() == days
    assert found.pages == 3
    assert found.bars.row(0, named=True) == {
        "region": "KR",
        "index_code": "KOSDAQ",
        "date": days[0],
        "open": 2634.32,
        "high": 2642.75,
        "low": 2606.08,
        "close": 2610.81,
        "volume": 892_653_000,
        "amount": 9_289_660_000_000.0,
        "currency": "KRW",
        "provider": "kis",
    }
    asked = script.of(INDEX_TR)[0].params
    assert (asked["FID_COND_MRKT_DIV_CODE"], asked["FID_INPUT_ISCD"]) == ("U", "1001")


def test_the_price_of_an_index_that_cant_be_read_is_refused_under_our_code(
    script: Any, adapter: KisAdapter, wire_rows: Any
) -> None:
    days = sessions(2)
    rows = [index_row(days[1], "-"), index_row(days[0])]
    script.answers[INDEX_TR] = lambda one: wire_rows.chart(rows, bstp_cls_code="0001")
    found = adapter.index("KR", "KOSPI", days[0], END)
    assert found.bars["date"].to_list() == days[:1]
    assert found.refused.select("ticker", "date", "rule").rows() == [("KOSPI", days[1], "unparsable")]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not beside this checkout")
def test_recorded_rows_are_read_as_they_stand(script: Any, adapter: KisAdapter, wire_rows: Any) -> None:
    sample = json.loads((RECORDED / "kis_doc_examples" / "FHKST03010100_daily_000660.json").read_text(encoding="utf-8"))
    measured = json.loads(
        (RECORDED / "kis_measured" / "FHKST03010100_daily_373220_row.json").read_text(encoding="utf-8")
    )
    script.answers[TR] = lambda one: (200, {"rt_cd": "0", **sample})
    day = dt.date(2022, 5, 9)
    bars = adapter.history(Instrument("KR", "000660", "XKRX", "KRW"), day, day).bars
    columns = ("open", "high", "low", "close", "volume", "amount")
    assert bars.select(columns).row(0) == (107000.0, 109000.0, 106500.0, 107500.0, 2203472, 237914727500.0)
    script.answers[TR] = lambda one: wire_rows.chart([measured], "373220")
    day = dt.date(2026, 7, 3)
    bars = adapter.history(Instrument("KR", "373220", "XKRX", "KRW"), day, day).bars
    assert bars.select(pl.col("date"), *map(pl.col, columns)).row(0) == (
        day, 359500.0, 363500.0, 342500.0, 362500.0, 397490, 141122636250.0,
    )  # fmt: skip


def test_a_success_without_rows_in_it_is_no_success(script: Any, adapter: KisAdapter, samsung: Instrument) -> None:
    script.answers[TR] = lambda one: (200, {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "ok"})
    with pytest.raises(Unavailable, match="output1"):
        adapter.history(samsung, END, END)
    assert len(script.of(TR)) == 3


# ---- share-count events ----


def split_rows(wire_rows: Any, days: list[dt.date], **fields: Any) -> list[dict[str, Any]]:
    """Closes of 10,000 won, for the last three days of 2,000: five for one, with the change counted from the base."""
    flat = {"prdy_vrss": "0", "prdy_vrss_sign": "3"}
    rows = [wire_rows.bar_row(day, 10_000 if day < days[-3] else 2_000, **flat) for day in days]
    rows[-3].update({"stck_clpr": "1980", "prdy_vrss": "20", "prdy_vrss_sign": "5", "prtt_rate": "0.20", **fields})
    rows[-2].update({"prdy_vrss": "20", "prdy_vrss_sign": "2"})
    return rows


def factors(actions: pl.DataFrame) -> list[Any]:
    assert actions.schema == ACTIONS
    return actions.select("ex_date", "kind", "price_factor", "volume_factor", "status", "provider").rows()


@pytest.mark.parametrize(
    ("asked", "lost", "questions"),
    [
        pytest.param((0, 15), (), 1, id="among other rows"),
        pytest.param((13, 15), (), 2, id="as the first row"),
        pytest.param((13, 13), (), 2, id="alone"),
        pytest.param((0, 15), (12,), 2, id="after a hole"),
    ],
)
def test_an_event_is_told_by_the_base_of_its_session_and_the_close_before(
    script: Any,
    adapter: KisAdapter,
    samsung: Instrument,
    wire_rows: Any,
    asked: tuple[int, int],
    lost: tuple[int, ...],
    questions: int,
) -> None:
    days = sessions(16)
    rows = split_rows(wire_rows, days)
    script.answers[TR] = wire_rows.served([row for at, row in enumerate(rows) if at not in lost])
    history = adapter.history(samsung, days[asked[0]], days[asked[1]])
    assert factors(history.actions) == [(days[13], "split", 0.2, 5.0, "confirmed", "kis")]
    assert history.bars["date"].to_list() == [
        day for at, day in enumerate(days) if at not in lost and asked[0] <= at <= asked[1]
    ]
    assert (len(script.of(TR)), history.refused.height) == (questions, 0)


def test_sessions_without_a_trade_hold_the_close_that_an_event_rescales(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    """Halted for two sessions before and on the date itself, as long halts of consolidations are."""
    days = sessions(5)
    untraded = {"stck_oprc": "0", "stck_hgpr": "0", "stck_lwpr": "0", "acml_vol": "0", "prdy_vrss": "0", "prdy_vrss_sign": "3"}
    closes = (3_585, 3_585, 3_585, 10_760, 10_800)
    rows = [wire_rows.bar_row(day, close, **untraded) for day, close in zip(days, closes, strict=True)]
    rows[3]["prtt_rate"] = "3.00"
    rows[4].update({"prdy_vrss": "-40", "prdy_vrss_sign": "2"})  # the direction has its own field
    script.answers[TR] = wire_rows.served(rows)
    history = adapter.history(samsung, days[0], END)
    assert factors(history.actions) == [(days[3], "consolidation", 3.0, 1 / 3, "confirmed", "kis")]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"prdy_vrss": "-"}, id="the base can't be read"),
        pytest.param({"revl_issu_reas": "02"}, id="the base was set anew"),
    ],
)
def test_an_event_whose_factor_is_not_known_is_told_without_one(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any, fields: dict[str, str]
) -> None:
    days = sessions(6)
    script.answers[TR] = wire_rows.served(split_rows(wire_rows, days, **fields))
    history = adapter.history(samsung, days[0], END)
    kind = "capital_cut" if "revl_issu_reas" in fields else "split"
    assert factors(history.actions) == [(days[3], kind, 1.0, 1.0, "inferred", "kis")]
    assert history.bars["date"].to_list() == days


def test_an_event_at_the_beginning_of_a_listing_rescales_nothing(
    script: Any, adapter: KisAdapter, samsung: Instrument, wire_rows: Any
) -> None:
    days = sessions(6)
    script.answers[TR] = wire_rows.served(split_rows(wire_rows, days)[3:])
    assert adapter.history(samsung, days[3], END).actions.is_empty()
    assert len(script.of(TR)) == 3  # an empty answer about what is older is not believed at once


@pytest.mark.parametrize(
    ("first", "kept", "events"),
    [
        pytest.param(-3, slice(-2, None), 0, id="the row of the event waits for the close before it"),
        pytest.param(-150, slice(-100, None), 1, id="an event among the rows is told"),
    ],
)
def test_a_series_that_breaks_off_keeps_its_rows_and_every_event_that_they_show(
    script: Any,
    adapter: KisAdapter,
    samsung: Instrument,
    wire_rows: Any,
    first: int,
    kept: slice,
    events: int,
) -> None:
    days = sessions(150)
    serve = wire_rows.served(split_rows(wire_rows, days))
    script.answers[TR] = lambda one: serve(one) if one.params["FID_INPUT_DATE_2"] == END.strftime("%Y%m%d") else (500, {})
    with pytest.raises(Unavailable) as raised:
        adapter.history(samsung, days[first], END)
    partial = raised.value.partial
    assert isinstance(partial, History)
    assert (partial.bars["date"].to_list(), partial.exhausted) == (days[kept], False)
    assert factors(partial.actions) == [(days[-3], "split", 0.2, 5.0, "confirmed", "kis")][:events]
