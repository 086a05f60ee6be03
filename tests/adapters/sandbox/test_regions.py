"""How many names each region of a sandbox gets."""

from __future__ import annotations

import pytest

from adapters.sandbox.regions import PROFILES, split


@pytest.mark.parametrize(
    ("tickers", "parts"),
    [
        (1, {"KR": 6, "US": 6}),
        (12, {"KR": 6, "US": 6}),
        (13, {"KR": 6, "US": 7}),
        (25, {"KR": 12, "US": 13}),
        (100, {"KR": 48, "US": 52}),
        (10_000, {"KR": 4_769, "US": 5_231}),
    ],
)
def test_names_are_divided_as_31_to_34_and_six_at_least(tickers: int, parts: dict[str, int]) -> None:
    assert split(tickers, ("KR", "US")) == parts
    assert split(tickers, ("US", "KR")) == parts


@pytest.mark.parametrize("region", PROFILES)
def test_one_region_alone_gets_all_and_six_at_least(region: str) -> None:
    parts = {1: 6, 5: 6, 6: 6, 7: 7, 25: 25, 10_000: 10_000}
    assert {tickers: split(tickers, (region,)) for tickers in parts} == {
        tickers: {region: part} for tickers, part in parts.items()
    }


def test_the_parts_add_up_wherever_six_each_fit() -> None:
    assert [tickers for tickers in range(12, 2_000) if sum(split(tickers, ("KR", "US")).values()) != tickers] == []


def test_nine_regions_share_by_their_weights() -> None:
    assert {region: profile.weight for region, profile in PROFILES.items()} == {
        **{"KR": 31, "US": 34, "CN": 15, "HK": 8, "JP": 8, "VN": 2},
        **{"AU": 2, "UK": 4, "EU": 6},
    }
    parts = {tickers: list(split(tickers, tuple(PROFILES)).values()) for tickers in (25, 54, 60, 300, 1_100)}
    assert parts == {
        25: [6] * 9,
        54: [6] * 9,
        60: [8, 8, 8, 6, 6, 6, 6, 6, 6],
        300: [85, 91, 41, 22, 22, 6, 6, 11, 16],
        1_100: [310, 340, 150, 80, 80, 20, 20, 40, 60],
    }


def test_daily_limits_are_those_of_korea_china_and_vietnam() -> None:
    assert {region: dict(profile.limits) for region, profile in PROFILES.items() if profile.limits} == {
        "KR": {"XKRX": 0.3, "XKOS": 0.3},
        "CN": {"XSHG": 0.1, "XSHE": 0.1},
        "VN": {"XSTC": 0.07, "XHNX": 0.1},
    }
