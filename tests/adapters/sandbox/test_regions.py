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


def test_only_korea_has_daily_limits() -> None:
    assert {region: profile.limited for region, profile in PROFILES.items()} == {"KR": True, "US": False}
