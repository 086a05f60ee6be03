"""Tickers as Yahoo spells them, both ways."""

from __future__ import annotations

import re

import pytest

from adapters.yfinance.symbols import code, symbol
from pipeline import settings


@pytest.mark.parametrize(
    ("region", "suffix", "ticker", "spelt"),
    [
        ("KR", ".KS", "005930", "005930.KS"),
        ("KR", ".KQ", "0013V0", "0013V0.KQ"),
        ("US", "", "AAPL", "AAPL"),
        ("US", "", "BRK.B", "BRK-B"),
        ("US", "", "ABR-D", "ABR-PD"),
        ("CN", ".SS", "600519", "600519.SS"),
        ("HK", ".HK", "00700", "0700.HK"),
        ("HK", ".HK", "00005", "0005.HK"),
        ("HK", ".HK", "80700", "80700.HK"),
        ("JP", ".T", "285A", "285A.T"),
        ("VN", ".VN", "FPT", "FPT.VN"),
        ("AU", ".AX", "CBA", "CBA.AX"),
        ("UK", ".L", "BP.", "BP.L"),
        ("UK", ".L", "BT.A", "BT-A.L"),
        ("UK", ".L", "LLOY", "LLOY.L"),
        ("EU", ".PA", "SAN", "SAN.PA"),
    ],
)
def test_a_ticker_and_its_symbol(region: str, suffix: str, ticker: str, spelt: str) -> None:
    assert symbol(ticker, region, suffix) == spelt
    assert code(spelt, region, suffix) == ticker


def test_a_ticker_with_its_mic_is_spelt_by_its_venue() -> None:
    assert symbol("SAN:XMAD", "EU", ".MC") == "SAN.MC"


def test_every_followed_name_of_settings_comes_back_from_its_symbol() -> None:
    for region in settings.available_regions():
        config = settings.get_config(region)
        for suffix in config.codes["yfinance"].values():
            for ticker in {*config.banks, *config.watchlist}:
                back = code(symbol(ticker, region, suffix), region, suffix)
                assert back == ticker
                assert any(re.fullmatch(pattern, back) for pattern in config.ticker_patterns)


def test_what_can_be_no_symbol_is_told() -> None:
    with pytest.raises(ValueError, match=r"'SAN\.PA' does not end with '\.MC'"):
        code("SAN.PA", "EU", ".MC")
    with pytest.raises(ValueError, match="no code of digits"):
        symbol("TENCENT", "HK", ".HK")
