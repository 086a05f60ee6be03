"""Whose ticker list a region takes: nights that follow each other, and providers that have one or have not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters import factory
from adapters.base import INSTRUMENTS, REFUSED, MarketAdapter, Universe
from pipeline import settings, universe
from pipeline.attempts import AttemptLog
from pipeline.collect import listings
from pipeline.errors import Unavailable
from pipeline.state import State
from pipeline.store import Store

FIRST = dt.datetime(2026, 11, 16, 12, 0, tzinfo=dt.UTC)
AWAY = Unavailable("kis: away")
NO_KEY = "no key"


class Lister(MarketAdapter):
    """A provider whose list is what it is told to be."""

    def __init__(self, provider: str, says: Universe | Exception) -> None:
        self.provider = provider
        self.says = says
        self.asked = 0

    def universe(self, region: str) -> Universe:
        self.asked += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def listed(provider: str, *tickers: str, members: frozenset[str] | None = None) -> Universe:
    """Common stock of Hong Kong, each worth 5 billion HKD."""
    row: dict[str, Any] = dict.fromkeys(INSTRUMENTS.names())
    row |= {"region": "HK", "venue": "XHKG", "security_type": "common", "currency": "HKD", "value": 5e9, "provider": provider}
    rows = [row | {"ticker": ticker, "name": f"{ticker} by {provider}"} for ticker in tickers]
    return Universe(pl.DataFrame(rows, INSTRUMENTS), REFUSED.to_frame(), members=members)


class Nights:
    """A home whose nights ask the providers they are given for a list."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.store = Store(home)
        self.state = State(home)
        self._patch = patch
        self._night = 0

    def night(self, kis: Universe | Exception | str, yfinance: Universe | Exception) -> tuple[list[str], int]:
        """Refresh the list one day after the night before; the notes, and how often yfinance was asked."""
        factory.reset()
        second = Lister("yfinance", yfinance)

        def first(config: object, *, on_attempt: object) -> MarketAdapter:
            if isinstance(kis, str):
                raise Unavailable(f"kis: {kis}")
            return Lister("kis", kis)

        openers = {"kis": first, "yfinance": lambda config, *, on_attempt: second}
        self._patch.setattr(factory, "OPENERS", openers)
        now = FIRST + dt.timedelta(days=self._night)
        self._night += 1
        notes = listings.refresh(
            settings.get_config("HK"),
            self.store,
            self.state,
            origin="sandbox",
            now=now,
            run_id=f"HK-{now:%Y-%m-%d}",
            on_attempt=AttemptLog("HK", "HK"),
        )
        return notes, second.asked

    def listings(self) -> list[tuple[str, str, bool]]:
        """Ticker, provider and whether it is followed, of the listings that hold now."""
        standing = self.store.look(lambda connection: universe.current(connection, "HK"))
        return standing.select("ticker", "provider", "followed").rows()


@pytest.fixture
def nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    """Hong Kong with one name on its watchlist."""
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOCK_REGIONS__HK__WATCHLIST", '["00700"]')
    settings.clear_cache()
    made = Nights(tmp_path / "home", monkeypatch)
    yield made
    made.state.close()
    factory.reset()
    settings.clear_cache()


def test_a_list_stands_when_only_a_later_provider_has_another(nights: Nights) -> None:
    nights.night(listed("kis", "00005", "00700"), listed("yfinance", "00700"))
    stood = nights.listings()
    assert stood == [("00005", "kis", True), ("00700", "kis", True)]

    for kis, told in ((AWAY, "kis: unavailable (kis: away)"), (NO_KEY, "kis: no key")):
        notes, asked = nights.night(kis, listed("yfinance", "00700", "00941"))
        assert (nights.listings(), asked, len(notes)) == (stood, 0, 1)
        assert notes[0].startswith("the ticker list of 2026-11-16 stays: no provider delivers universe for HK: ")
        assert told in notes[0]
        assert "yfinance: not asked, the standing list is of kis" in notes[0]


def test_without_a_key_the_watchlist_of_the_next_providers_list_is_followed(nights: Nights) -> None:
    notes, asked = nights.night(NO_KEY, listed("yfinance", "00005", "00700"))
    assert (nights.listings(), asked) == ([("00005", "yfinance", False), ("00700", "yfinance", True)], 1)
    assert notes == [
        "the list is of yfinance for want of kis's, so the rule can't run: the watchlist of 1 is followed",
    ]
    # The same provider again: its newer list is taken, and its largest are still nobody's choice.
    notes, asked = nights.night(NO_KEY, listed("yfinance", "00005", "00700", "00941"))
    assert [row for row in nights.listings() if row[2]] == [("00700", "yfinance", True)]
    assert (asked, notes) == (
        1,
        ["the list is of yfinance for want of kis's, so the rule can't run: the 1 names followed so far stay"],
    )


def test_an_earlier_providers_list_replaces_a_later_ones(nights: Nights) -> None:
    nights.night(AWAY, listed("yfinance", "00005", "00700"))
    notes, asked = nights.night(listed("kis", "00005", "00700", "00941"), listed("yfinance"))
    assert (notes, asked) == ([], 0)
    assert nights.listings() == [("00005", "kis", True), ("00700", "kis", True), ("00941", "kis", True)]


def test_a_provider_that_settings_name_no_more_binds_nobody(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    nights.night(listed("kis", "00005", "00700"), listed("yfinance"))
    monkeypatch.setenv("SPOCK_REGIONS__HK__CHAIN__UNIVERSE", '["yfinance"]')
    settings.clear_cache()
    notes, _ = nights.night(AWAY, listed("yfinance", "00005", "00700"))
    assert (notes, nights.listings()) == ([], [("00005", "yfinance", True), ("00700", "yfinance", True)])


def test_nobodys_first_list_is_an_error(nights: Nights) -> None:
    with pytest.raises(Unavailable, match=r"kis: away.*yfinance: HTTP 429"):
        nights.night(AWAY, Unavailable("yfinance: HTTP 429"))
