"""Real bars through the sandbox's wire: every row of the CSVs is stored equal, explained, or refused with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.sandbox.server import Sandbox

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ohlcv"
FIRST, UNTIL = dt.date(2023, 12, 1), dt.date(2025, 6, 30)
SPAN = ("--from", str(FIRST), "--until", str(UNTIL))

pytestmark = pytest.mark.skipif(not (REAL / "KR").is_dir(), reason="the folder of real bars is not beside the checkout")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Any:
    """A home after the backfill of the real bars, how the command ended, and how a second one did."""
    folder = tmp_path_factory.mktemp("real")
    with Sandbox(data=REAL, now=tools.now, enforce_limits=False) as server:
        home = tools.home(folder / "home", folder / "machine", {"SPOCK_SANDBOX_URL": server.url})
        done = home.spock("backfill", "KR", *SPAN)
        again = home.inside("backfill", "KR", *SPAN)
    return home, done, again


def rows_of_files() -> pl.DataFrame:
    """Every row of the CSVs inside the span, as the files write them."""
    frames = [
        pl.read_csv(path, schema_overrides={"date": pl.Date}).with_columns(
            pl.col("open", "high", "low", "close").cast(pl.Float64), ticker=pl.lit(path.stem)
        )
        for path in sorted((REAL / "KR").glob("*.csv"))
    ]
    return pl.concat(frames).filter(pl.col("date").is_between(FIRST, UNTIL)).sort("ticker", "date")


def test_every_real_row_is_stored_equal_explained_or_refused(filled: Any) -> None:
    home, done, _ = filled
    assert done.code == 0, done.err
    cell = ["ticker", "date"]
    wanted = rows_of_files()
    columns = [*cell, "open", "high", "low", "close", "volume"]

    stored = home.table("ohlcv_data").select(columns).sort(cell)
    left = wanted.join(stored, on=cell, how="anti")

    assert stored.equals(wanted.join(stored, on=cell, how="semi").select(columns))
    states = home.table("session_states").select(*cell, "state")
    refused = home.table("quarantine").select(*cell, "rule")
    unaccounted = left.join(states, on=cell, how="anti").join(refused, on=cell, how="anti")
    assert unaccounted.is_empty(), unaccounted


def test_a_halted_row_is_explained_with_its_close(filled: Any) -> None:
    home, _, _ = filled
    untraded = rows_of_files().filter(pl.col("open") == 0).select("ticker", "date", "close")
    assert untraded.height > 0

    halted = home.table("session_states").filter(pl.col("state") == "halted").select("ticker", "date", "close")

    assert halted.sort("ticker", "date").equals(untraded)


def test_the_figures_add_up_to_the_rows_of_the_files(filled: Any) -> None:
    home, done, _ = filled
    row = done.row
    assert row["received"] == rows_of_files().height
    assert row["rows"] + row["explained"] + row["refused"] == row["received"]
    assert row["confirmed"] == row["repeated"] == 0
    assert row["rows"] == home.table("ohlcv_data").height
    assert row["coverage"] >= 0.99


def test_sessions_outside_the_rows_of_a_file_are_outside_its_listing(filled: Any) -> None:
    home, done, _ = filled
    rows = rows_of_files()
    ends = rows.group_by("ticker").agg(first=pl.col("date").min(), last=pl.col("date").max()).sort("ticker")

    ranges = home.table("listing_ranges").select("ticker", "first_session", "last_session").sort("ticker")

    assert ranges.rows() == ends.rows()
    assert done.row["gaps"] == 0
    assert home.table("session_states").filter(pl.col("state") != "halted").is_empty()


def test_the_same_backfill_again_asks_for_nothing(filled: Any) -> None:
    _, done, again = filled
    assert again.code == 0, again.err
    assert {provider: count for provider, count in again.row["requests"].items() if count} == {}
    assert again.row["rows"] == done.row["rows"]


def test_the_sandbox_command_serves_a_folder_of_real_bars(make_home: Callable[..., Any], tools: Any) -> None:
    server = make_home("server").start("sandbox", "--port", "0", "--data", str(REAL), "--no-limits")
    try:
        url = server.stdout.readline().split()[-1]
        home = make_home("client", SPOCK_SANDBOX_URL=url)

        done = home.inside("backfill", "KR", "--from", "2025-06-02", "--until", "2025-06-13")

        assert done.code == 0, done.err
        expected = rows_of_files().filter(pl.col("date").is_between(dt.date(2025, 6, 2), dt.date(2025, 6, 13)))
        assert done.row["received"] == expected.height
    finally:
        server.terminate()
        server.communicate(timeout=10)
