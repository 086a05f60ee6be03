"""Any product information is a listing or an error of the contract, never a delisting by accident."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kis import KisAdapter
from pipeline.errors import Unavailable

from .answers import ANY_JSON, APPLE, CONTRACT, ODD, QUICK, SAMSUNG, envelope
from .host import Host

_LISTING_FIELDS = {
    "KR": (
        SAMSUNG,
        {"pdno": "00000A005930", "scts_mket_lstg_dt": "19750611", "tr_stop_yn": "N"},
        ("scts_mket_lstg_abol_dt", "kosdaq_mket_lstg_dt", "kosdaq_mket_lstg_abol_dt", "lstg_abol_dt"),
    ),
    "US": (
        APPLE,
        {
            "ovrs_excg_cd": "NASD",
            "tr_crcy_cd": "USD",
            "lstg_dt": "19801212",
            "lstg_yn": "Y",
            "lstg_abol_item_yn": "N",
            "ovrs_stck_tr_stop_dvsn_cd": "01",
            "blbg_tckr_text": "AAPL US",
        },
        ("lstg_abol_dt", "pdno"),
    ),
}
_LISTING_DATES = st.sampled_from(["00010101", "99991231", "20240630", "20240230", "00000000", "19750611"])


@pytest.mark.parametrize("region", _LISTING_FIELDS)
@settings(max_examples=80, **QUICK)
@given(data=st.data())
def test_any_product_information_is_a_listing_or_an_error_of_the_contract(
    region: str, host: Host, adapters: dict[str, KisAdapter], data: st.DataObject
) -> None:
    instrument, sound, others = _LISTING_FIELDS[region]
    names = st.sampled_from([*sound, *others])
    odd = data.draw(st.dictionaries(names, _LISTING_DATES | ODD, max_size=3) | ANY_JSON)
    host.serve([envelope(output={**sound, **odd} if isinstance(odd, dict) else odd)])
    try:
        found = adapters[region].listing(instrument)
    except CONTRACT:
        return
    assert found.ticker == instrument.ticker
    assert all(isinstance(date, dt.date | None) for date in (found.listed_from, found.listed_until))
    assert found.halted in (True, False, None)


@pytest.mark.parametrize("region", _LISTING_FIELDS)
def test_an_end_on_the_first_of_all_days_is_no_evidence(region: str, host: Host, adapters: dict[str, KisAdapter]) -> None:
    """There is no day before it."""
    instrument, sound, _ = _LISTING_FIELDS[region]
    host.serve([envelope(output={**sound, "lstg_dt": "", "lstg_abol_dt": "00010101"})])
    with pytest.raises(Unavailable):
        adapters[region].listing(instrument)
