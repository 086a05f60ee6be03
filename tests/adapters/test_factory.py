"""Chains: the order of settings, what is skipped, who served, and what is told when nobody does."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import factory
from adapters.base import Capability, Instrument, MarketAdapter, Universe
from adapters.factory import Chain, Walked, chain
from adapters.sandbox.server import Sandbox
from adapters.transport import Attempt
from pipeline.errors import ConfigError, NotYet, Terminal, Unavailable, Unsupported, UsageError
from pipeline.settings import clear_cache, get_config

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No adapters, no keys and no sandbox from elsewhere."""
    for name in ("SPOCK_SANDBOX_URL", "KIS_APP_KEY", "KIS_APP_SECRET", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOCK_STATE_DIR", str(tmp_path / "state"))
    clear_cache()
    yield
    factory.reset()
    clear_cache()


class Fake(MarketAdapter):
    """Says one thing; remembers being closed."""

    def __init__(self, provider: str, says: object) -> None:
        self.provider = provider
        self.says = says
        self.closed = False

    def ask(self) -> object:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def close(self) -> None:
        self.closed = True


def ask(adapter: MarketAdapter) -> object:
    assert isinstance(adapter, Fake)
    return adapter.ask()


def made(*says: object, skipped: tuple[str, ...] = (), away: bool = False) -> Chain:
    """A chain of providers a, b, c…"""
    names = "abcdef"[: len(says)]
    adapters = {name: Fake(name, said) for name, said in zip(names, says, strict=True)}
    return Chain("KR", "history", adapters, list(skipped), away=away)


def test_the_first_that_delivers_serves() -> None:
    served = made("bars", "other bars").call(ask)
    assert (served.value, served.provider, served.attempts) == ("bars", "a", (Walked("a", "served", ""),))


def test_unsupported_and_unavailable_go_on_to_the_next() -> None:
    served = made(Unsupported("no history"), Unavailable("HTTP 500"), "bars").call(ask)
    assert (served.value, served.provider) == ("bars", "c")
    assert [str(one) for one in served.attempts] == [
        "a: unsupported (no history)",
        "b: unavailable (HTTP 500)",
        "c: served",
    ]


def test_when_nobody_delivers_everybody_is_named() -> None:
    later = NOW + dt.timedelta(hours=1)
    chain = made(Unavailable("HTTP 500", later), Unavailable("no answer", NOW), skipped=("yfinance: no adapter",))
    with pytest.raises(Unavailable) as raised:
        chain.call(ask)
    assert str(raised.value) == (
        "no provider delivers history for KR: a: unavailable (HTTP 500); b: unavailable (no answer); "
        "yfinance: no adapter"
    )
    assert raised.value.retry_at == NOW


def test_what_will_exist_later_is_not_yet_unless_somebody_has_it_now() -> None:
    early, late = NotYet("tonight", NOW), NotYet("tomorrow", NOW + dt.timedelta(days=1))
    assert made(late, "bars").call(ask).provider == "b"
    with pytest.raises(NotYet, match="tonight") as raised:
        made(late, early, Unavailable("down")).call(ask)
    assert raised.value.retry_at == NOW


def test_what_nobody_offers_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        made(Unsupported("no"), Unsupported("no")).call(ask)
    with pytest.raises(Unavailable, match="no key"):
        made(Unsupported("no"), skipped=("b: no key",), away=True).call(ask)
    with pytest.raises(Unsupported, match="no adapter in this version"):
        made(Unsupported("no"), skipped=("b: no adapter in this version",)).call(ask)
    with pytest.raises(Unavailable, match="settings name no provider"):
        made().call(ask)


def test_a_mistake_of_ours_is_not_taken_for_a_providers() -> None:
    for mistake in (UsageError("range"), Terminal("not judged"), KeyError("bug")):
        with pytest.raises(type(mistake)):
            made(mistake, "bars").call(ask)


def test_without_keys_a_chain_says_what_it_skips_and_why() -> None:
    found = chain("america", "history")
    assert (found.region, found.capability, found.providers) == ("US", "history", ("yfinance",))
    assert [line.split(":")[0] for line in found.skipped] == ["kis", "polygon"]
    assert "KIS_APP_KEY" in found.skipped[0]
    assert found.skipped[1] == "polygon: no adapter in this version"
    nobody = chain("america", "news")
    assert nobody.providers == ()
    with pytest.raises(Unavailable, match="KIS_APP_KEY"):
        nobody.call(ask)


@pytest.mark.parametrize(
    "keys", [{}, {"KIS_APP_KEY": "k" * 36}, {"KIS_APP_KEY": "k" * 36, "KIS_APP_SECRET": "s" * 180}], ids=len
)
def test_who_can_be_asked_is_known_without_opening_anybody(keys: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    config = get_config("US")
    foreseen = {str(capability): factory.able(config, capability) for capability in Capability}
    assert factory._adapters == {}
    assert foreseen == {str(capability): chain("US", capability).providers for capability in Capability}
    assert foreseen["history"] == (("kis", "yfinance") if len(keys) == 2 else ("yfinance",))


def test_a_chain_may_be_asked_of_one_provider_alone() -> None:
    both = made("bars", "other bars")
    assert both.only("b").call(ask).provider == "b"
    with pytest.raises(UsageError, match="asks a, b, not c"):
        both.only("c")


def test_arguments_and_settings_that_cant_be_taken_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="capability 'prices'"):
        chain("KR", "prices")
    with pytest.raises(UsageError, match="XX"):
        chain("XX", "history")
    monkeypatch.setenv("KIS_APP_KEY", "a key with spaces")
    monkeypatch.setenv("KIS_APP_SECRET", "x")
    with pytest.raises(ConfigError, match="KIS_APP_KEY"):
        chain("KR", "history")


def test_every_capability_of_settings_can_be_asked_for() -> None:
    assert [chain("KR", capability).capability for capability in Capability] == [one.value for one in Capability]


def test_chains_share_an_adapter_and_count_their_own_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(regions=("KR",), tickers=2, enforce_limits=False, now=NOW) as sandbox:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
        clear_cache()
        heard: list[Attempt] = []
        lists, listings = chain("KR", "universe"), chain("KR", "listing", on_attempt=heard.append)
        assert lists.providers == listings.providers == ("kis", "yfinance")
        universe = lists.call(lambda adapter: adapter.universe("KR"))
        assert isinstance(universe.value, Universe)

        def look() -> None:
            listings.call(lambda adapter: adapter.listing(Instrument("KR", "005930", "XKRX", "KRW")))

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert lists.requests == {"kis": 2}
        assert listings.requests == {"kis": 5}
        assert sorted(one.capability for one in heard) == ["listing"] * 4 + ["token"]
        found: list[MarketAdapter] = []
        for one in (lists, listings):
            one.call(found.append)
        assert found[0] is found[1]
        lists.close()
        assert listings.call(lambda adapter: adapter.listing(Instrument("KR", "000660", "XKRX", "KRW"))).provider == "kis"


def test_reset_closes_the_shared_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes: list[Fake] = []

    def opener(config: object, *, on_attempt: object) -> Fake:
        fakes.append(Fake("kis", "x"))
        return fakes[-1]

    monkeypatch.setattr(factory, "OPENERS", {"kis": opener})
    chain("KR", "history")
    chain("KR", "index").close()
    assert [fake.closed for fake in fakes] == [False]
    factory.reset()
    assert [fake.closed for fake in fakes] == [True]
    assert chain("KR", "history").providers == ("kis",)
    assert len(fakes) == 2
