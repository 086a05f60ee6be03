"""Prices of another unit where no traded value tells: what is refused, what a split explains, and what stays stored."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from adapters.sandbox import control
from pipeline import quality
from pipeline.frames import ACTIONS, BARS
from pipeline.quality import OTHER_UNITS, STANDING_CLOSES

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of real bars is not beside the checkout")

FIRST = dt.date(2026, 11, 2)


def day(place: int) -> dt.date:
    return FIRST + dt.timedelta(days=place)


def bars(closes: Mapping[int, float], ticker: str = "CBA", basis: str = "split_adjusted") -> pl.DataFrame:
    """A row for each of `closes`, by days after `FIRST`."""
    rows = [
        ("AU", ticker, day(place), close, close, close, close, 100, None, "AUD", "yfinance", basis, day(max(closes)))
        for place, close in closes.items()
    ]
    return pl.DataFrame(rows, BARS, orient="row")


def standing(closes: Mapping[int, float], through: int | None = None) -> pl.DataFrame:
    """What is stored; `through`: the day whose splits all of it contains (None: as traded)."""
    rows = [("CBA", day(place), close, day(place if through is None else through)) for place, close in closes.items()]
    return pl.DataFrame(rows, STANDING_CLOSES, orient="row")


def event(place: int, price_factor: float, kind: str = "split") -> tuple[Any, ...]:
    ratios = (None, price_factor, 1 / price_factor, True)
    return ("AU", "CBA", day(place), kind, *ratios, None, None, "confirmed", "chart", "yfinance")


def found(rows: pl.DataFrame, stored: pl.DataFrame | None = None, *told: tuple[Any, ...]) -> list[int]:
    """The days after `FIRST` whose rows are of another unit."""
    actions = pl.DataFrame(list(told), ACTIONS, orient="row")
    others = quality.other_units(rows, actions, STANDING_CLOSES.to_frame() if stored is None else stored)
    assert others.schema == OTHER_UNITS
    assert not others.select("ticker", "date").is_duplicated().any()
    return sorted((date - FIRST).days for date in others["date"])


STORED = {0: 150.0, 1: 151.0, 2: 149.0}
THROUGH = 2


def times(factor: float, closes: Mapping[int, float] = STORED) -> dict[int, float]:
    """`closes` and two sessions after them, all of them `factor` times."""
    return {place: close * factor for place, close in {**closes, 3: 152.0, 4: 153.0}.items()}


ALL = [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("came", "told", "through", "wrong"),
    [
        pytest.param(times(1), (), THROUGH, [], id="the same"),
        *(pytest.param(times(10.0**power), (), THROUGH, ALL, id=f"10^{power}") for power in (-3, -2, -1, 1, 2, 3)),
        pytest.param(times(1e4), (), THROUGH, [], id="no such unit"),
        pytest.param(times(101.9), (), THROUGH, ALL, id="within 2% of a hundred"),
        pytest.param(times(102.1), (), THROUGH, [], id="more than 2% off"),
        pytest.param(times(100) | {1: 151.0}, (), THROUGH, [], id="one of them agrees"),
        pytest.param(times(100) | {1: 1_510.0}, (), THROUGH, [], id="of two units"),
        pytest.param({3: 15_200.0}, (), THROUGH, [], id="nothing to compare with"),
        pytest.param({2: 14_900.0, 3: 15_200.0}, (), THROUGH, [2, 3], id="one stored close beside it"),
        pytest.param(times(0.1), (event(3, 0.1),), THROUGH, [], id="ten for one since"),
        pytest.param(times(0.1), (event(3, 0.5), event(4, 0.2)), THROUGH, [], id="two splits make ten"),
        pytest.param(times(0.1), (event(3, 0.1),), 3, [], id="a split that was told before the prices held it"),
        pytest.param(times(0.1), (event(3, 0.1, "cash"),), THROUGH, ALL, id="a dividend explains nothing"),
        pytest.param(times(50), (event(3, 0.5),), THROUGH, ALL, id="two for one, and a hundred times"),
        pytest.param(times(1), (event(3, 0.1),), 3, [], id="a split that is in what is stored"),
        pytest.param(times(100), (event(3, 0.1),), 3, ALL, id="a split that is in what is stored, and a hundred times"),
        pytest.param(times(0.1), (event(3, 0.1),), None, [], id="stored as traded, ten for one since"),
        pytest.param(times(100), (), None, ALL, id="stored as traded"),
    ],
)
def test_an_answer_is_of_another_unit_when_all_that_is_stored_beside_it_says_so(
    came: dict[int, float], told: tuple[tuple[Any, ...], ...], through: int | None, wrong: list[int]
) -> None:
    assert found(bars(came), standing(STORED, through), *told) == wrong


LEVEL = dict.fromkeys(range(12), 10.0)


@pytest.mark.parametrize(
    ("closes", "wrong"),
    [
        pytest.param(LEVEL | {6: 316.0}, [], id="not half-way to a hundred times"),
        pytest.param(LEVEL | {6: 317.0}, [6], id="high"),
        pytest.param(LEVEL | {6: 0.1}, [6], id="low"),
        pytest.param(LEVEL | {6: 1_000.0, 7: 1_000.0}, [6, 7], id="two together"),
        pytest.param(LEVEL | {0: 1_000.0}, [0], id="the first"),
        pytest.param(LEVEL | {11: 1_000.0}, [11], id="the newest has earlier neighbours only"),
        pytest.param({place: 10.0 if place < 5 else 1_000.0 for place in range(6)}, [5], id="five neighbours"),
        pytest.param({place: 10.0 if place < 4 else 1_000.0 for place in range(5)}, [], id="four neighbours"),
        pytest.param({place: 10.0 if place < 6 else 990.0 for place in range(12)}, [], id="a level that changed for good"),
        pytest.param({place: 1.2**place for place in range(60)}, [], id="a series that grew 50,000 times"),
    ],
)
def test_a_row_far_from_its_neighbours_is_of_another_unit(closes: dict[int, float], wrong: list[int]) -> None:
    steady = bars(dict.fromkeys(range(12), 4_000.0), "CSL")  # another ticker's level is no neighbour
    assert found(pl.concat([steady, bars(closes)])) == wrong


def test_a_series_as_traded_is_not_judged() -> None:
    assert found(bars(LEVEL | {6: 1_000.0}, basis="raw")) == []
    assert found(bars(times(100), basis="raw"), standing(STORED, THROUGH)) == []


def series(path: Path) -> pl.DataFrame:
    """A file of real rows as a split-adjusted answer."""
    table = pl.read_csv(path, infer_schema=False)
    table = table.rename({name: name.lower() for name in table.columns})
    return table.select(
        *(pl.lit(value).alias(name) for name, value in (("region", "AU"), ("ticker", path.stem))),
        pl.col("date").str.slice(0, 10).str.to_date(),
        pl.col("open", "high", "low", "close").cast(pl.Float64),
        pl.col("volume").cast(pl.Int64),
        amount=pl.lit(None, pl.Float64),
        currency=pl.lit("AUD"),
        provider=pl.lit("yfinance"),
        basis=pl.lit("split_adjusted"),
        adjusted_through=pl.lit(None, pl.Date),
    )


@real
def test_the_real_hundredth_is_found_and_no_real_row_beside_it() -> None:
    files = [SHARED / "bad_examples" / "UK_QQ.L_0.01x_unit_error_2022-06-14.csv"]
    files += [path for region in ("AU", "UK", "EU") for path in sorted((SHARED / "ohlcv" / region).glob("*.csv"))]
    others = quality.other_units(pl.concat(map(series, files)), ACTIONS.to_frame(), STANDING_CLOSES.to_frame())
    assert len(files) > 10
    assert others.select("ticker", "date").rows() == [(files[0].stem, dt.date(2022, 6, 14))]


# whole nights -------------------------------------------------------------------------------------------------------------

SYDNEY = ZoneInfo("Australia/Sydney")
FRIDAY, MONDAY, TUESDAY = (dt.date(2026, 11, number) for number in (20, 23, 24))


def evening(home: Any, server: Any, date: dt.date) -> Any:
    """The night of `date`."""
    control.set_clock(server.url, dt.datetime.combine(date, dt.time(20), SYDNEY))
    shutil.rmtree(home.state_dir / "tokens", ignore_errors=True)
    return home.inside("nightly", "AU")


def closes(home: Any) -> pl.DataFrame:
    return home.table("ohlcv_data").select("ticker", "date", "close", "volume", "finality").sort("ticker", "date")


def test_an_answer_a_hundred_times_too_high_replaces_nothing_and_the_next_night_asks_again(
    night_home: Callable[..., Any],
) -> None:
    start = dt.datetime.combine(FRIDAY, dt.time(20), SYDNEY)
    home, server = night_home(regions=("AU",), now=start)
    assert home.inside("nightly", "AU").code == 0
    before = closes(home)
    control.set_fault(server.url, kind="times_100", provider="yahoo", tr="chart", code="CBA.AX", count=50)

    bent = evening(home, server, MONDAY)

    assert (bent.code, bent.row["status"], bent.row["revised"]) == (3, "partial", 0), bent.out
    assert closes(home).filter((pl.col("ticker") == "CBA") | (pl.col("date") <= FRIDAY)).equals(before)
    refused = home.table("quarantine")
    assert refused.select("ticker", "rule").unique().rows() == [("CBA", "unit_error")]
    assert refused["date"].max() == MONDAY
    assert bent.row["refused"] == refused.height == 6
    assert set(refused["reason"].str.slice(0, 54)) == {"closes are about 100 times those stored, on each of 5 "}
    open_cells = home.table("session_states").filter(pl.col("state") == "quarantined").select("ticker", "date")
    assert open_cells.rows() == [("CBA", MONDAY)]

    control.clear_faults(server.url)
    healed = evening(home, server, TUESDAY)

    assert (healed.code, healed.row["revised"], healed.row["coverage"]) == (0, 0, 1.0), healed.out
    assert closes(home).filter(pl.col("date") <= FRIDAY).equals(before)
    cba = closes(home).filter(pl.col("ticker") == "CBA")
    assert cba["date"].to_list()[-2:] == [MONDAY, TUESDAY]
    assert cba["close"].max() < 2 * before.filter(pl.col("ticker") == "CBA")["close"].max()
