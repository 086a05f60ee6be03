"""Price steps against the tables that KRX and the SEC published."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.sandbox import ticks
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
    ],
)
def test_a_price_moves_in_the_step_of_its_venue_and_date(venue: str, day: date, price: int, tick: int) -> None:
    assert ticks.grid(venue, day).tick(price) == tick


def test_limits_are_cut_to_the_grid_towards_the_base() -> None:
    # base 44,200: ±30% = 57,460 and 30,940, in steps of 100 and 50
    assert ticks.grid("XKRX", date(2026, 11, 20)).limits(44_200) == (30_950, 57_400)


def test_an_unknown_venue_is_an_error_that_says_where_to_add_it() -> None:
    with pytest.raises(UsageError, match=r"XLON.*krx_ticks\.csv or us_ticks\.csv"):
        ticks.grid("XLON", date(2026, 1, 2))
