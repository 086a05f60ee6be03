"""Real bars through the sandbox's wires: every row of the CSVs is stored equal, explained, or refused with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.sandbox.server import Sandbox
from pipeline import settings

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ohlcv"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real bars is not beside the checkout")

#: After the last row of every file; before it the first session that every calendar knows.
NOW = dt.datetime(2026, 11, 20, 23, 0, tzinfo=dt.UTC)
FIRST = "2010-01-04"

#: What a region's wire makes of a number of its files: KIS's decimals where they are fewer, pounds of London's pence.
DECIMALS = {"US": 4, "HK": 3, "JP": 1}
PENCE = {"UK"}

#: KIS's lists say that a listing ended, Yahoo's never do: what comes after a name's last row stays open there.
ENDS_ARE_KNOWN = ("KR", "US", "CN", "HK", "JP", "VN")
YAHOO = ("AU", "UK", "EU")
REGIONS = (*ENDS_ARE_KNOWN, *YAHOO)

CELL = ["ticker", "date"]
COLUMNS = [*CELL, "open", "high", "low", "close", "volume"]


def rows(region: str) -> pl.DataFrame:
    """Every row of the region's CSVs as the wire brings it, prices in the major currency unit."""
    frames = [
        pl.read_csv(path, infer_schema=False).with_columns(
            pl.col("date").str.to_date(),
            pl.col("open", "high", "low", "close").map_elements(lambda price: brought(region, price), pl.Float64),
            pl.col("volume").cast(pl.Int64),
            ticker=pl.lit(path.stem),
        )
        for path in sorted((REAL / region).glob("*.csv"))
    ]
    return pl.concat(frames).select(COLUMNS).sort(CELL)


def brought(region: str, price: str) -> float:
    """A price of a file as it arrives."""
    if region in DECIMALS:
        return float(f"{Decimal(price):.{DECIMALS[region]}f}")
    return float(Decimal(price) / 100) if region in PENCE else float(price)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Iterator[tuple[Any, dict[str, Any], int]]:
    """A home after one backfill of all nine regions, what it told by region, and its exit code."""
    folder = tmp_path_factory.mktemp("real")
    # The folder has no indices, and Yahoo never says that there is none: nobody is asked twice for them.
    indices = {f"SPOCK_REGIONS__{region}__CHAIN__INDEX": '["kis"]' for region in REGIONS}
    with Sandbox(data=REAL, now=NOW, enforce_limits=False) as server:
        home = tools.home(folder / "home", folder / "machine", {"SPOCK_SANDBOX_URL": server.url, **indices})
        done = home.spock("backfill", *REGIONS, "--from", FIRST)
        yield home, {row["region"]: row for row in done.rows}, done.code


@pytest.fixture(scope="module")
def stored(filled: Any) -> dict[str, pl.DataFrame]:
    """Tables of the home, read once."""
    return {name: filled[0].table(name) for name in ("ohlcv_data", "session_states", "quarantine", "listing_ranges")}


@pytest.mark.parametrize("region", REGIONS)
def test_every_real_row_is_stored_equal_explained_or_refused(region: str, stored: dict[str, pl.DataFrame]) -> None:
    of_region = {name: table.filter(pl.col("region") == region) for name, table in stored.items()}
    wanted = rows(region)
    bars = of_region["ohlcv_data"].select(COLUMNS).sort(CELL)
    left = wanted.join(bars, on=CELL, how="anti")

    assert bars.equals(wanted.join(bars, on=CELL, how="semi"))
    assert bars.height > 0.99 * wanted.height
    unaccounted = left.join(of_region["session_states"], on=CELL, how="anti").join(of_region["quarantine"], on=CELL, how="anti")
    assert unaccounted.is_empty(), unaccounted


@pytest.mark.parametrize("region", REGIONS)
def test_bars_are_in_the_listings_currency(region: str, stored: dict[str, pl.DataFrame]) -> None:
    found = stored["ohlcv_data"].filter(pl.col("region") == region)["currency"].unique().to_list()
    assert found == [settings.get_config(region).currency]


@pytest.mark.parametrize("region", REGIONS)
def test_the_figures_add_up_to_the_rows_of_the_files(region: str, filled: Any, stored: dict[str, pl.DataFrame]) -> None:
    row, wanted = filled[1][region], rows(region)
    assert row["tickers"] == wanted["ticker"].n_unique()
    assert row["received"] == wanted.height
    assert row["rows"] + row["explained"] + row["refused"] == row["received"]
    assert row["confirmed"] == row["repeated"] == 0
    assert row["rows"] == stored["ohlcv_data"].filter(pl.col("region") == region).height


def test_coverage_is_whole_where_the_end_of_a_listing_is_known(filled: Any) -> None:
    _, told, code = filled
    assert {region: told[region]["status"] for region in REGIONS} == {
        **dict.fromkeys(ENDS_ARE_KNOWN, "complete"),
        **dict.fromkeys(YAHOO, "partial"),
    }
    assert {region: told[region]["gaps"] for region in ENDS_ARE_KNOWN} == dict.fromkeys(ENDS_ARE_KNOWN, 0)
    assert code == 3


def test_a_halted_row_is_explained_with_its_close(stored: dict[str, pl.DataFrame]) -> None:
    untraded = rows("KR").filter(pl.col("open") == 0).select("ticker", "date", "close")
    assert untraded.height > 0
    halted = stored["session_states"].filter((pl.col("state") == "halted") & (pl.col("region") == "KR"))
    assert halted.select("ticker", "date", "close").sort(CELL).equals(untraded)


@pytest.mark.parametrize("region", ["KR", "US", "CN", "JP"])
def test_sessions_outside_the_rows_of_a_file_are_outside_its_listing(region: str, stored: dict[str, pl.DataFrame]) -> None:
    span = rows(region).group_by("ticker").agg(first=pl.col("date").min(), last=pl.col("date").max()).sort("ticker")
    ranges = stored["listing_ranges"].filter(pl.col("region") == region).sort("ticker")
    assert ranges.select("ticker", "first_session", "last_session").rows() == span.rows()


@pytest.mark.parametrize("region", ["KR", "US"])
def test_the_same_backfill_again_asks_for_nothing(region: str, filled: Any) -> None:
    home, told, _ = filled
    again = home.inside("backfill", region, "--from", FIRST)
    assert again.code == 0, again.err
    assert {provider: count for provider, count in again.row["requests"].items() if count} == {}
    assert again.row["rows"] == told[region]["rows"]


def test_the_sandbox_command_serves_a_folder_of_real_bars(make_home: Callable[..., Any]) -> None:
    server = make_home("server").start("sandbox", "--port", "0", "--data", str(REAL), "--no-limits")
    try:
        url = server.stdout.readline().split()[-1]
        home = make_home("client", SPOCK_SANDBOX_URL=url)

        done = home.inside("backfill", "KR", "--from", "2025-06-02", "--until", "2025-06-13")

        assert done.code == 0, done.err
        span = pl.col("date").is_between(dt.date(2025, 6, 2), dt.date(2025, 6, 13))
        assert done.row["received"] == rows("KR").filter(span).height
    finally:
        server.terminate()
        server.communicate(timeout=10)
