"""Real bars through the sandbox's wire: every row of the CSVs is stored equal, explained, or refused with its reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.sandbox.server import Sandbox

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ohlcv"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the folder of real bars is not beside the checkout")


@dataclass(frozen=True)
class Part:
    """A region's real bars: the clock they are asked at, the sessions asked for, and the decimals its wire prints.

    US is asked on the morning after its last common row: its universe goes by market value, which only what traded last has.
    """

    region: str
    now: dt.datetime
    first: dt.date
    until: dt.date
    decimals: int | None

    @property
    def span(self) -> tuple[str, ...]:
        return (self.region, "--from", str(self.first), "--until", str(self.until))

    def rows(self) -> pl.DataFrame:
        """Every row of the region's CSVs inside the span, as the files write them and the wire prints them."""
        frames = [
            pl.read_csv(path, infer_schema=False).with_columns(
                pl.col("date").str.to_date(),
                pl.col("open", "high", "low", "close").map_elements(self._printed, pl.Float64),
                pl.col("volume").cast(pl.Int64),
                ticker=pl.lit(path.stem),
            )
            for path in sorted((REAL / self.region).glob("*.csv"))
        ]
        return pl.concat(frames).filter(pl.col("date").is_between(self.first, self.until)).sort("ticker", "date")

    def _printed(self, price: str) -> float:
        return float(price if self.decimals is None else f"{Decimal(price):.{self.decimals}f}")


KR = Part(
    region="KR",
    now=dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC),
    first=dt.date(2023, 12, 1),
    until=dt.date(2025, 6, 30),
    decimals=None,
)
US = Part(
    region="US",
    now=dt.datetime(2023, 12, 30, 12, 0, tzinfo=dt.UTC),
    first=dt.date(2020, 1, 2),
    until=dt.date(2023, 12, 29),
    decimals=4,
)


@pytest.fixture(scope="module", params=[KR, US], ids=lambda part: str(part.region))
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Any:
    """A region's part, a home after the backfill of its real bars, how the command ended, and how a second one did."""
    part: Part = request.param
    folder = tmp_path_factory.mktemp("real")
    with Sandbox(data=REAL, now=part.now, enforce_limits=False) as server:
        home = tools.home(folder / "home", folder / "machine", {"SPOCK_SANDBOX_URL": server.url})
        done = home.spock("backfill", *part.span)
        again = home.inside("backfill", *part.span)
    return part, home, done, again


def test_every_real_row_is_stored_equal_explained_or_refused(filled: Any) -> None:
    part, home, done, _ = filled
    assert done.code == 0, done.err
    cell = ["ticker", "date"]
    wanted = part.rows()
    columns = [*cell, "open", "high", "low", "close", "volume"]

    stored = home.table("ohlcv_data").select(columns).sort(cell)
    left = wanted.join(stored, on=cell, how="anti")

    assert stored.equals(wanted.join(stored, on=cell, how="semi").select(columns))
    states = home.table("session_states").select(*cell, "state")
    refused = home.table("quarantine").select(*cell, "rule")
    unaccounted = left.join(states, on=cell, how="anti").join(refused, on=cell, how="anti")
    assert unaccounted.is_empty(), unaccounted


# The folder's US names traded on every session.
@pytest.mark.parametrize("filled", [KR], indirect=True, ids=["KR"])
def test_a_halted_row_is_explained_with_its_close(filled: Any) -> None:
    part, home, _, _ = filled
    untraded = part.rows().filter(pl.col("open") == 0).select("ticker", "date", "close")
    assert untraded.height > 0

    halted = home.table("session_states").filter(pl.col("state") == "halted").select("ticker", "date", "close")

    assert halted.sort("ticker", "date").equals(untraded)


def test_the_figures_add_up_to_the_rows_of_the_files(filled: Any) -> None:
    part, home, done, _ = filled
    row = done.row
    rows = part.rows()
    assert row["tickers"] == rows["ticker"].n_unique()
    assert row["received"] == rows.height
    assert row["rows"] + row["explained"] + row["refused"] == row["received"]
    assert row["confirmed"] == row["repeated"] == 0
    assert row["rows"] == home.table("ohlcv_data").height
    assert row["coverage"] >= 0.99


def test_sessions_outside_the_rows_of_a_file_are_outside_its_listing(filled: Any) -> None:
    part, home, done, _ = filled
    rows = part.rows()
    # A name that has rows to the end of the span has no end in it.
    last = pl.col("date").max()
    ends = rows.group_by("ticker").agg(pl.col("date").min(), last=pl.when(last < part.until).then(last)).sort("ticker")

    ranges = home.table("listing_ranges").select("ticker", "first_session", "last_session").sort("ticker")

    assert ranges.rows() == ends.rows()
    assert done.row["gaps"] == 0
    assert home.table("session_states").filter(pl.col("state") != "halted").is_empty()


def test_the_same_backfill_again_asks_for_nothing(filled: Any) -> None:
    _, _, done, again = filled
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
        expected = KR.rows().filter(pl.col("date").is_between(dt.date(2025, 6, 2), dt.date(2025, 6, 13)))
        assert done.row["received"] == expected.height
    finally:
        server.terminate()
        server.communicate(timeout=10)
