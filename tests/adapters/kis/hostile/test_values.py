"""Any answers of a value search: values of the exchange's own names, or an error of the contract."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import REFUSED
from adapters.kis import KisAdapter, search

from .answers import ANY_JSON, CONTRACT, ODD, QUICK, envelope
from .host import Host

_WORTH = {"excd": "NAS", "symb": "AAPL", "rsym": "DNASAAPL", "rank": "1", "valx": "3700000000", "shar": "14800000000"}
_WORTH |= {"last": "250.0000"}
_NAMES = ("AAPL", "TSLA", "BRK/B", "JPM")
_TICKERS = {"AAPL": "AAPL", "TSLA": "TSLA", "BRK/B": "BRK.B"}
_ODD_WORTH = ODD | st.sampled_from(["1" + "0" * 18, "9" * 305, "NYS", "DNASTSLA", "0", "2"])


def _worth_rows() -> st.SearchStrategy[Any]:
    """Rows of a value search: sound, odd, or none at all."""
    sound = st.builds(
        lambda name, rank: {**_WORTH, "symb": name, "rsym": f"DNAS{name}", "rank": str(rank)},
        st.sampled_from(_NAMES),
        st.integers(1, 5),
    )
    bent = st.builds(
        lambda row, odd: {**row, **odd},
        sound,
        st.dictionaries(st.sampled_from(list(_WORTH)), _ODD_WORTH, max_size=3),
    )
    return st.one_of(sound, sound, sound, bent, st.just({}), ANY_JSON)


@settings(max_examples=100, **QUICK)
@given(
    pages=st.lists(st.lists(_worth_rows(), max_size=6), min_size=1, max_size=4),
    counted=st.sampled_from(["0", "1", "2", "3", "4", "99999999999999999999", ""]) | ODD,
    more=st.sampled_from(["", "F", "M", "x"]),
)
def test_any_value_search_ends_with_values_of_its_names_or_an_error_of_the_contract(
    host: Host, adapters: dict[str, KisAdapter], pages: list[list[Any]], counted: Any, more: str
) -> None:
    host.serve([envelope(output1={"trec": counted}, output2=page) for page in pages])
    host.more = more
    try:
        found = search.values(adapters["US"]._wire, "NAS", _TICKERS, floor=1e8, region="US", provider="kis")
    except CONTRACT:
        return
    finally:
        host.more = ""
        # Two sweeps of at most 200 pages, however many names the answer counts.
        assert host.answered <= 2 * 200
    assert set(found.worth) <= set(_TICKERS.values())
    for value, shares in found.worth.values():
        assert value is None or 0 < value < math.inf
        assert shares is None or 0 < shares < 2**63
    assert found.refused.schema == REFUSED
    assert found.refused["reason"].null_count() == 0


def test_shares_in_thousands_beyond_every_count_are_no_shares(host: Host, adapters: dict[str, KisAdapter]) -> None:
    """The product with the unit must fit a column, not only what the wire says."""
    row = {**_WORTH, "valx": "9" * 19, "shar": "9" * 18, "last": "10.0000"}
    host.serve([envelope(output1={"trec": "1"}, output2=[row])])
    found = search.values(adapters["US"]._wire, "NAS", _TICKERS, floor=1e8, region="US", provider="kis")
    assert dict(found.worth) == {"AAPL": (float("9" * 19) * 1_000, None)}
