"""Yahoo's side of the sandbox over real HTTP, through the real yfinance: nine regions, limits, faults, real rows."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters import factory
from adapters.base import History, Instrument
from adapters.factory import chain
from adapters.sandbox import control
from adapters.sandbox.server import Sandbox
from adapters.yfinance import open_adapter
from pipeline import settings
from pipeline.calendars import calendar
from pipeline.errors import Unavailable

NOW = dt.datetime(2026, 11, 20, 21, 30, tzinfo=dt.UTC)
FIRST, START, END = dt.date(2025, 11, 20), dt.date(2026, 5, 20), dt.date(2026, 11, 20)
REGIONS = settings.available_regions()
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "ohlcv"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(tickers=60, enforce_limits=False, now=NOW) as running:
        yield running


@pytest.fixture(autouse=True)
def on_the_sandbox(sandbox: Sandbox, settings_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings that speak to the sandbox, without a key of anybody's."""
    for name in ("KIS_APP_KEY", "KIS_APP_SECRET", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPOCK_SANDBOX_URL", sandbox.url)
    settings.clear_cache()
    yield
    control.clear_faults(sandbox.url)
    factory.reset()
    settings.clear_cache()


def listed(region: str) -> pl.DataFrame:
    served = chain(region, "universe").only("yfinance").call(lambda adapter: adapter.universe(region))
    return served.value.instruments


def history(region: str, row: dict[str, Any], start: dt.date = START, end: dt.date = END) -> History:
    instrument = Instrument(region, row["ticker"], row["venue"], row["currency"])
    return chain(region, "history").only("yfinance").call(lambda adapter: adapter.history(instrument, start, end)).value


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_is_served_without_a_key(region: str) -> None:
    config = settings.get_config(region)
    found = listed(region)
    watched = found.filter(pl.col("ticker").is_in([*config.watchlist, *config.banks]) & (pl.col("currency") == config.currency))
    assert watched.height >= 6
    assert set(watched["security_type"]) <= set(config.universe.security_types)
    assert watched["value"].null_count() == 0
    for row in watched.iter_rows(named=True):
        answer = history(region, row)
        sessions = set(calendar(next(one.calendar for one in config.venues if one.mic == row["venue"])).sessions(START, END))
        days = answer.bars["date"].to_list()
        assert set(days) <= sessions
        assert len(days) > 0.6 * len(sessions)
        assert days == sorted(set(days))
        assert set(answer.bars["currency"]) == {row["currency"]}
        assert set(answer.bars["basis"]) == {"split_adjusted"}
        assert answer.refused.is_empty()
    index = config.indices[0].code
    served = chain(region, "index").only("yfinance").call(lambda adapter: adapter.index(region, index, START, END))
    assert served.value.bars["date"].max() == END


def test_prices_are_those_of_kis_after_its_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One market behind two wires: what one has as traded the other has divided by the splits it tells of."""
    monkeypatch.setenv("KIS_APP_KEY", control.APP_KEY)
    monkeypatch.setenv("KIS_APP_SECRET", control.APP_SECRET)
    settings.clear_cache()
    compared = split = 0
    for row in listed("US").iter_rows(named=True):
        instrument = Instrument("US", row["ticker"], row["venue"], row["currency"])
        kis = chain("US", "history").only("kis")
        raw = kis.call(lambda adapter, one=instrument: adapter.history(one, FIRST, END)).value.bars
        yahoo = history("US", row, FIRST)
        splits = yahoo.actions.filter(pl.col("price_factor") != 1)
        split += splits.height
        both = raw.join(yahoo.bars, on="date", suffix="_yahoo").filter((pl.col("volume") > 0) & (pl.col("open") > 0))
        for bar in both.iter_rows(named=True):
            later = splits.filter(pl.col("ex_date") > bar["date"])
            factor = float(later["price_factor"].product()) if later.height else 1.0
            assert bar["close_yahoo"] == pytest.approx(bar["close"] * factor, rel=1e-4)
            compared += 1
    assert compared > 300
    assert split >= 1


@pytest.mark.parametrize("kind", ["http_500", "bad_json", "empty_body", "cut"])
def test_a_fault_that_passes_is_survived(sandbox: Sandbox, kind: str) -> None:
    row = listed("AU").row(0, named=True)
    control.set_fault(sandbox.url, provider="yahoo", kind=kind, count=1, tr="chart")
    assert history("AU", row).bars.height > 100


@pytest.mark.parametrize("kind", ["delisted", "empty", "wrong_ticker"])
def test_an_answer_that_tells_nothing_is_unavailable(sandbox: Sandbox, kind: str) -> None:
    row = listed("AU").filter(pl.col("ticker") == "CBA").row(0, named=True)
    control.set_fault(sandbox.url, provider="yahoo", kind=kind, tr="chart")
    with pytest.raises(Unavailable):
        history("AU", row)


def test_an_old_crumb_is_renewed(sandbox: Sandbox) -> None:
    listed("AU")
    control.set_fault(sandbox.url, provider="yahoo", kind="crumb_expired", count=1)
    assert listed("AU").height > 0


def test_limits_are_kept_where_the_sandbox_enforces_some(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(regions=("AU",), tickers=12, now=NOW) as strict:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", strict.url)
        adapter = open_adapter(settings.get_config("AU"))
        adapter.listing(Instrument("AU", "CBA", "XASX", "AUD"))
        adapter.close()
        counted = control.report(strict.url)["yahoo"]
    assert (counted["requests"], counted["largest_1s"], counted["violations"], counted["refused"]) == (3, 1, 0, 0)


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared price files are not there")
@pytest.mark.parametrize("region", REGIONS)
def test_every_real_row_comes_at_wire_precision(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of real prices behind Yahoo's wire: each row is a bar of the same numbers, London's in pounds."""
    with Sandbox(data=DATA, regions=(region,), enforce_limits=False) as replayed:
        monkeypatch.setenv("SPOCK_SANDBOX_URL", replayed.url)
        adapter = open_adapter(settings.get_config(region))
        names = {row["ticker"]: row for row in adapter.universe(region).instruments.iter_rows(named=True)}
        unit = 100 if region == "UK" else 1
        for file in sorted((DATA / region).glob("*.csv")):
            row = names[file.stem]
            with file.open(encoding="utf-8") as lines:
                told = {line["date"]: line for line in csv.DictReader(lines)}
            instrument = Instrument(region, row["ticker"], row["venue"], row["currency"])
            found = adapter.history(instrument, dt.date(1990, 1, 1), END).bars
            # Yahoo shows an untraded day as a flat row of the last close.
            stood = {
                date: tuple(float(Decimal(line[name]) / unit) for name in ("open", "high", "low", "close"))
                for date, line in told.items()
                if float(line["open"]) > 0
            }
            bars = {str(bar[0]): bar[1:] for bar in found.select("date", "open", "high", "low", "close").rows()}
            assert {date: bars.get(date) for date in stood} == stood
        adapter.close()


def test_what_the_settings_say_of_the_limit() -> None:
    config = settings.get_config("UK").providers["yfinance"]
    assert [(limit.requests, limit.seconds) for limit in config.limits] == [(1, 1.0)]
    assert config.rate_limit_seconds == 3600.0
    assert [settings.get_config(region).status for region in ("AU", "UK", "EU")] == ["live"] * 3
    assert [settings.get_config(region).chain["history"][-1] for region in REGIONS] == ["yfinance"] * 9


