"""Nights and backfills over what an import brought: one basis, no hole between the two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline import calendars

TICKER = "005930"
DAYS = calendars.calendar("XKRX").window(60, dt.date(2026, 11, 20))


@pytest.fixture
def bars(night_home: Callable[..., Any]) -> pl.DataFrame:
    """What the sandbox says of the ticker over `DAYS`."""
    home, _ = night_home("clean", environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "60"}, tickers=2)
    assert home.inside("nightly", "KR").code == 0
    return series(home)


def series(home: Any) -> pl.DataFrame:
    """The ticker's bars without the run that wrote them."""
    return home.table("ohlcv_data").filter(pl.col("ticker") == TICKER).drop("run_id").sort("date")


def csv(folder: Path, bars: pl.DataFrame, scale: float = 1.0) -> str:
    """The bars as a file to import, prices × `scale`."""
    path = folder / f"{TICKER}.csv"
    prices = [pl.col(name) * scale for name in ("open", "high", "low", "close")]
    bars.select("date", *prices, "volume", "amount").write_csv(path)
    return str(path)


def test_bars_of_another_basis_are_fetched_anew_so_that_the_series_has_one(
    bars: pl.DataFrame, night_home: Callable[..., Any], tmp_path: Path
) -> None:
    home, _ = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "5"}, tickers=2)
    imported = home.inside("import", "csv", csv(tmp_path, bars[:50], 0.25), "--region", "KR")
    assert imported.code == 0, imported.words
    assert series(home)["basis"].unique().to_list() == ["unknown"]

    assert home.inside("nightly", "KR").code == 0

    assert series(home).equals(bars)
    assert home.table("ohlcv_revisions").filter(pl.col("basis") == "unknown").height == bars[:50].height
    again = home.inside("nightly", "KR")
    assert (again.code, again.row["requests"]) == (0, {})


@pytest.mark.parametrize("command", [("nightly", "KR"), ("backfill", "KR", "--days", "5")], ids=lambda words: words[0])
def test_the_time_between_an_import_and_the_first_run_is_collected(
    bars: pl.DataFrame, night_home: Callable[..., Any], tmp_path: Path, command: tuple[str, ...]
) -> None:
    home, _ = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "5"}, tickers=2)
    assert home.inside("import", "csv", csv(tmp_path, bars[:20]), "--region", "KR", "--basis", "raw").code == 0

    assert home.inside(*command).code == 0

    found = series(home)
    assert found["date"].to_list() == DAYS
    assert found.select("date", "close").equals(bars.select("date", "close"))
    assert home.table("ohlcv_revisions").height == 0
