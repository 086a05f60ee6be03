"""KIS's spelling of US names and ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.kis.archive import unzip
from adapters.kis.overseas_master import MASTERS
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


@pytest.mark.skipif(not REAL.exists(), reason="the real master files are not beside this checkout")
@pytest.mark.parametrize("mic", sorted(MASTERS))
def test_every_real_symbol_comes_back_and_fits_the_regions_patterns(mic: str) -> None:
    patterns = get_config("US").ticker_patterns
    content = unzip((REAL / MASTERS[mic].file).read_bytes(), MASTERS[mic].file)
    symbols = [line.split(b"\t")[4].decode("ascii") for line in content.split(b"\n") if line]
    assert len(symbols) == {"XNAS": 4853, "XNYS": 2840, "XASE": 3878}[mic]
    assert [
        (one, kind)
        for one in symbols
        for kind in ("common", "preferred")
        if symbol(ticker(one, kind)) != one or not any(re.fullmatch(p, ticker(one, kind)) for p in patterns)
    ] == []
