"""What every adapter keeps: one test over all providers and regions, each against its side of the sandbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from adapters import factory
from adapters.base import ACTIONS, BARS, INDEX_BARS, INSTRUMENTS, REFUSED, Instrument, MarketAdapter
from adapters.sandbox.server import Sandbox
from pipeline import settings
from pipeline.errors import Unsupported, UsageError

NOW = dt.datetime(2026, 11, 20, 22, 30, tzinfo=dt.UTC)
START, END = dt.date(2026, 9, 1), dt.date(2026, 11, 19)
PAIRS = [
    (provider, region)
    for region in settings.available_regions()
    for provider in settings.get_config(region).chain["history"]
    if provider in factory.OPENERS
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tickers=60, enforce_limits=False, now=NOW) as running:
        yield running


@pytest.fixture
def adapter(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MarketAdapter]:
    """The adapter of (provider, region) as settings open it."""
    provider, region = request.param
    monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOCK_STATE_DIR", str(tmp_path / "state"))
    settings.clear_cache()
    opened = factory.OPENERS[provider](settings.get_config(region), on_attempt=lambda _: None)
    yield opened
    opened.close()
    settings.clear_cache()


CASES = [pytest.param(pair, pair[1], id="-".join(pair)) for pair in PAIRS]


@pytest.mark.parametrize(("adapter", "region"), CASES, indirect=["adapter"])
def test_an_adapter_keeps_the_contract(adapter: MarketAdapter, region: str) -> None:
    config = settings.get_config(region)
    provider = adapter.provider
    listed = adapter.universe(region)
    assert listed.instruments.schema == INSTRUMENTS
    assert listed.refused.schema == REFUSED
    assert listed.instruments["ticker"].is_unique().all()
    assert set(listed.instruments["venue"]) <= {venue.mic for venue in config.venues}
    assert set(listed.instruments["provider"]) == {provider}
    named = pl.col("ticker").is_in([*config.watchlist, *config.banks]) & (pl.col("currency") == config.currency)
    row = listed.instruments.filter(named).row(0, named=True)

    instrument = Instrument(region, row["ticker"], row["venue"], row["currency"])
    found = adapter.history(instrument, START, END)
    assert (found.bars.schema, found.refused.schema, found.actions.schema) == (BARS, REFUSED, ACTIONS)
    assert found.bars.height > 20
    assert found.bars["date"].is_sorted()
    assert found.bars["date"].is_between(START, END).all()
    told = ("region", "ticker", "currency", "provider", "basis")
    assert found.bars.select(told).unique().rows() == [
        (region, row["ticker"], row["currency"], provider, config.providers[provider].basis)
    ]
    adjusted = config.providers[provider].basis == "split_adjusted"
    assert found.bars["adjusted_through"].is_null().any() != adjusted
    assert found.exhausted
    assert found.pages >= 1
    assert set(found.actions["provider"]) <= {provider}
    assert adapter.history(instrument, START, END).bars.equals(found.bars)

    for index in config.indices:
        if provider in index.codes:
            levels = adapter.index(region, index.code, START, END).bars
            assert levels.schema == INDEX_BARS
            assert levels["date"].is_sorted()
            assert levels.height > 20
            assert set(levels["index_code"]) == {index.code}

    assert adapter.listing(instrument).ticker == row["ticker"]
    with pytest.raises(UsageError, match="ends before it starts"):
        adapter.history(instrument, END, START)
    other = "US" if region != "US" else "KR"
    for ask in (
        lambda: adapter.universe(other),
        lambda: adapter.history(Instrument(other, row["ticker"], row["venue"], row["currency"]), START, END),
        lambda: adapter.index(other, config.indices[0].code, START, END),
        lambda: adapter.market_day(region, END),
    ):
        with pytest.raises(Unsupported):
            ask()
