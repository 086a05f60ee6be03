"""Evidence about one listing: when it began, when it ends, and what is no evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Instrument, Listing
from adapters.kis import KisAdapter
from pipeline.errors import Unavailable, Unsupported

TR = "CTPF1002R"


def info(**fields: str) -> tuple[int, dict[str, Any]]:
    output = {
        "pdno": "00000A005930",
        "scts_mket_lstg_dt": "19750611",
        "scts_mket_lstg_abol_dt": "",
        "kosdaq_mket_lstg_dt": "",
        "kosdaq_mket_lstg_abol_dt": "",
        "lstg_abol_dt": "",
        "tr_stop_yn": "N",
        **fields,
    }
    return 200, {"rt_cd": "0", "msg_cd": "KIOK0530", "msg1": "조회되었습니다          ", "output": output}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (dt.date(1975, 6, 11), None, False)),
        ({"tr_stop_yn": "Y", "lstg_abol_dt": "00000000"}, (dt.date(1975, 6, 11), None, True)),
        ({"tr_stop_yn": "", "scts_mket_lstg_dt": ""}, (None, None, None)),
        ({"lstg_abol_dt": "20240516"}, (dt.date(1975, 6, 11), dt.date(2024, 5, 15), False)),
        ({"scts_mket_lstg_abol_dt": "20240516"}, (dt.date(1975, 6, 11), dt.date(2024, 5, 15), False)),
        # Moved from KOSDAQ to KOSPI: still listed.
        (
            {
                "kosdaq_mket_lstg_dt": "19990101",
                "kosdaq_mket_lstg_abol_dt": "20080901",
                "scts_mket_lstg_dt": "20080901",
            },
            (dt.date(1999, 1, 1), None, False),
        ),
        # Moved, and delisted from where it moved to.
        (
            {
                "kosdaq_mket_lstg_dt": "19990101",
                "kosdaq_mket_lstg_abol_dt": "20080901",
                "scts_mket_lstg_dt": "20080901",
                "scts_mket_lstg_abol_dt": "20200110",
            },
            (dt.date(1999, 1, 1), dt.date(2020, 1, 9), False),
        ),
    ],
)
def test_dates_of_a_listing(
    script: Any,
    adapter: KisAdapter,
    fields: dict[str, str],
    expected: tuple[dt.date | None, dt.date | None, bool | None],
) -> None:
    script.answers[TR] = lambda one: info(**fields)
    assert adapter.listing(Instrument("KR", "005930", "XKRX", "KRW")) == Listing("005930", *expected, "kis")
    assert script.of(TR)[0].params == {"PRDT_TYPE_CD": "300", "PDNO": "005930"}


def test_errors_are_no_delisting(script: Any, adapter: KisAdapter) -> None:
    for reply, words in (
        ((200, {"rt_cd": "7", "msg_cd": "KIOK0560", "msg1": "없는 상품"}), "KIOK0560"),
        (info(pdno="00000A000660"), "000660"),
        (info(lstg_abol_dt="2024-05"), "lstg_abol_dt"),
    ):
        script.answers[TR] = lambda one, reply=reply: reply
        with pytest.raises(Unavailable, match=words):
            adapter.listing(Instrument("KR", "005930", "XKRX", "KRW"))


def test_the_paper_host_does_not_offer_it(
    script: Any, settings_home: Path, adapter: KisAdapter, adapter_on: Callable[..., KisAdapter]
) -> None:
    with pytest.raises(Unsupported, match="paper"):
        adapter_on(script, settings_home / "state", account="paper").listing(Instrument("KR", "005930", "XKRX", "KRW"))
    assert script.asked == []
    script.answers[TR] = lambda one: (500, {"rt_cd": "1", "msg_cd": "EGW02006", "msg1": "모의투자 TR 이 아닙니다."})
    with pytest.raises(Unsupported, match="EGW02006"):
        adapter.listing(Instrument("KR", "005930", "XKRX", "KRW"))
