"""Price steps against the tables that the exchanges and the SEC published."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapters.sandbox import ticks
from adapters.sandbox.regions import PROFILES
from pipeline.errors import UsageError


@pytest.mark.parametrize(
    ("venue", "day", "price", "tick"),
    [
        ("XKRX", date(2023, 1, 24), 999, 1),
        ("XKRX", date(2023, 1, 24), 1_000, 5),
        ("XKRX", date(2023, 1, 24), 75_000, 100),
        ("XKRX", date(2023, 1, 24), 150_000, 500),
        ("XKRX", date(2023, 1, 24), 500_000, 1_000),
        ("XKOS", date(2023, 1, 24), 150_000, 100),
        ("XKRX", date(2023, 1, 25), 1_999, 1),
        ("XKRX", date(2023, 1, 25), 2_000, 5),
        ("XKOS", date(2023, 1, 25), 19_990, 10),
        ("XKOS", date(2023, 1, 25), 20_000, 50),
        ("XKOS", date(2023, 1, 25), 150_000, 100),
        ("XKRX", date(2023, 1, 25), 200_000, 500),
        ("XKRX", date(2023, 1, 25), 500_000, 1_000),
        # Rule 612: a dollar and more in cents, less in hundredths of a cent; prices are ten-thousandths of a dollar.
        ("XNYS", date(2026, 11, 20), 10_000, 100),
        ("XNYS", date(2026, 11, 20), 9_999, 1),
        ("XNAS", date(2015, 1, 2), 2_451_200, 100),
        ("XASE", date(2026, 11, 20), 37, 1),
        # The other tables, in thousandths, tenths, hundredths or whole units of the quoted currency.
        ("XSHG", date(2026, 11, 20), 1_450_000, 10),
        ("XSHE", date(2015, 1, 5), 900, 10),
        ("XHKG", date(2026, 11, 20), 249, 1),
        ("XHKG", date(2026, 11, 20), 250, 5),
        ("XHKG", date(2025, 8, 1), 15_000, 20),
        ("XHKG", date(2025, 8, 4), 15_000, 10),
        ("XHKG", date(2025, 8, 1), 40_000, 50),
        ("XHKG", date(2025, 8, 4), 40_000, 20),
        ("XHKG", date(2026, 11, 20), 526_000, 500),
        ("XTKS", date(2026, 11, 20), 9_990, 1),
        ("XTKS", date(2026, 11, 20), 24_050, 5),
        ("XTKS", date(2026, 11, 20), 1_385_000, 500),
        ("XSTC", date(2026, 11, 20), 9_990, 10),
        ("XSTC", date(2026, 11, 20), 49_950, 50),
        ("XSTC", date(2026, 11, 20), 50_000, 100),
        ("XHNX", date(2026, 11, 20), 8_400, 100),
        ("XASX", date(2026, 11, 20), 99, 1),
        ("XASX", date(2026, 11, 20), 1_995, 5),
        ("XASX", date(2026, 11, 20), 154_800, 10),
        ("XLON", date(2026, 11, 20), 9_555, 1),
        ("XMAD", date(2026, 11, 20), 1_034, 1),
    ],
)
def test_a_price_moves_in_the_step_of_its_venue_and_date(venue: str, day: date, price: int, tick: int) -> None:
    assert ticks.grid(venue, day).tick(price) == tick


def test_limits_are_cut_to_the_grid_towards_the_base() -> None:
    # base 44,200: ±30% = 57,460 and 30,940, in steps of 100 and 50
    assert ticks.grid("XKRX", date(2026, 11, 20)).limits(44_200) == (30_950, 57_400)


def test_every_venue_of_every_market_has_a_table_in_the_markets_scale() -> None:
    scales = {venue: scale for file, scale in ticks.SCALES.items() for venue in venues_of(file)}
    markets = {venue: profile.scale for profile in PROFILES.values() for venue in profile.venues}
    assert scales == markets


def venues_of(file: str) -> set[str]:
    """The venues of one table."""
    lines = (Path(ticks.__file__).with_name(file)).read_text(encoding="utf-8").splitlines()
    return {line.split(",")[0] for line in lines if not line.startswith(("#", "venue,"))}


def test_an_unknown_venue_is_an_error_that_says_where_to_add_it() -> None:
    with pytest.raises(UsageError, match=r"XBOM.*krx_ticks\.csv, us_ticks\.csv"):
        ticks.grid("XBOM", date(2026, 1, 2))
