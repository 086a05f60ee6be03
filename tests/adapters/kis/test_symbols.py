"""KIS's spelling of names and ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.kis.archive import unzip
from adapters.kis.overseas_master import MASTERS, read
from adapters.kis.rows import RowError
from adapters.kis.symbols import symbol, ticker
from pipeline.settings import get_config

REAL = Path(__file__).parents[4] / "shared" / "data" / "kis_master"
TYPES = ("common", "preferred", "reit", "warrant", "right", "depositary_receipt", "other")


@pytest.mark.parametrize(
    ("theirs", "kind", "ours"),
    [
        ("AAPL", "common", "AAPL"),
        ("BRK/B", "common", "BRK.B"),
        ("PBR/A", "depositary_receipt", "PBR-A"),
        ("ABR/D", "preferred", "ABR-D"),
        ("USB/P", "preferred", "USB-P"),
        ("CNO/A", "other", "CNO-A"),
        ("LEGT/UN", "other", "LEGT-UN"),
        ("HWM/", "preferred", "HWM-PR"),
        ("AACBU", "other", "AACBU"),
    ],
)
def test_what_follows_the_slash_is_a_class_or_a_series(theirs: str, kind: str, ours: str) -> None:
    assert (ticker(theirs, kind), symbol(ours)) == (ours, theirs)


@pytest.mark.parametrize("text", ["", "/", "/B", "BRK.B", "ABR-D", "A B", "brk/b", "BRK//B", "BRK/B/C", "애플", "AB\n"])
def test_text_that_is_no_symbol_is_refused(text: str) -> None:
    with pytest.raises(RowError, match=re.escape(repr(text))) as caught:
        ticker(text, "common")
    assert caught.value.rule == "unparsable"


def test_a_series_called_like_our_nameless_ones_is_refused() -> None:
    with pytest.raises(RowError, match="without a name"):
        ticker("HWM/PR", "preferred")


@pytest.mark.parametrize("text", ["", "BRK/B", "BRK.", "-A", "BRK.B-C", "brk.b", "AB\n"])
def test_text_that_is_no_ticker_has_no_symbol(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        symbol(text)


@settings(deadline=None)
@given(st.from_regex(r"[0-9A-Z]{1,9}(/[0-9A-Z]{0,3})?", fullmatch=True), st.sampled_from(TYPES))
def test_every_symbol_comes_back_from_its_ticker(theirs: str, kind: str) -> None:
    assume(not theirs.endswith("/PR"))
    assert symbol(ticker(theirs, kind)) == theirs


@settings(deadline=None)
@given(st.text(max_size=12), st.sampled_from(TYPES))
def test_any_text_is_refused_or_comes_back(text: str, kind: str) -> None:
    try:
        ours = ticker(text, kind)
    except RowError:
        return
    assert symbol(ours) == text


#: Lines of the real lists of October 2025.
LINES = {
    "US": {"XNYS": 2840, "XNAS": 4853, "XASE": 3878},
    "CN": {"XSHG": 2968, "XSHE": 3645},
    "HK": {"XHKG": 3098},
    "JP": {"XTKS": 4443},
    "VN": {"XSTC": 410, "XHNX": 304},
}


@pytest.mark.skipif(not REAL.exists(), reason="the real master files are not beside this checkout")
@pytest.mark.parametrize("region", sorted(LINES))
def test_every_real_symbol_comes_back_and_what_may_be_followed_fits_the_regions_patterns(region: str) -> None:
    config = get_config(region)
    contents = {mic: unzip((REAL / MASTERS[mic].file).read_bytes(), MASTERS[mic].file) for mic in LINES[region]}
    symbols = {mic: [line.split(b"\t")[4].decode("ascii") for line in contents[mic].split(b"\n") if line] for mic in contents}
    assert {mic: len(found) for mic, found in symbols.items()} == LINES[region]
    every = [(one, kind) for found in symbols.values() for one in found for kind in ("common", "preferred")]
    assert [pair for pair in every if symbol(ticker(*pair)) != pair[0]] == []

    listed = read(contents, region, config.currency, "kis").instruments
    ours = listed.filter(listed["security_type"].is_in((*config.universe.security_types, "preferred")))["ticker"].to_list()
    tickers = [ticker(*pair) for pair in every] if region == "US" else ours
    assert [one for one in tickers if not any(re.fullmatch(pattern, one) for pattern in config.ticker_patterns)] == []
