"""Indicators on frames: published values, warm-up, holes, order."""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from random import Random

import polars as pl
import pytest

from pipeline.errors import UsageError
from pipeline.frames import INDICATORS
from pipeline.indicators import compute

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data" / "indicators"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="no shared data beside the checkout")

DAY = dt.date(2020, 1, 1)
#: The first bar with a value, from 0: an average of n needs n bars, RSI and ATR 14 moves, MACD's signal 9 of its lines.
WARM_UP = {
    **{"ma5": 4, "ma20": 19, "ma60": 59, "ma120": 119, "ma200": 199},
    **{"rsi_14": 14, "macd": 33, "macd_signal": 33, "macd_hist": 33},
    **{"bb_upper": 19, "bb_middle": 19, "bb_lower": 19, "atr_14": 14},
}


def bars(
    closes: list[float | None],
    *,
    highs: list[float] | None = None,
    lows: list[float] | None = None,
    ticker: str = "A",
    region: str = "US",
    timeframe: str = "D",
) -> pl.DataFrame:
    high = highs or [None if close is None else close + 1 for close in closes]
    low = lows or [None if close is None else close - 1 for close in closes]
    return pl.DataFrame(
        {
            "region": region,
            "ticker": ticker,
            "timeframe": timeframe,
            "date": [DAY + dt.timedelta(days=n) for n in range(len(closes))],
            "open": closes,
            "high": high,
            "low": low,
            "close": closes,
            "volume": [100] * len(closes),
        },
        schema_overrides={"open": pl.Float64, "high": pl.Float64, "low": pl.Float64, "close": pl.Float64},
    )


def walk(count: int, seed: int = 1) -> list[float | None]:
    rng = Random(seed)
    closes = [100.0]
    while len(closes) < count:
        closes.append(round(closes[-1] * (1 + rng.uniform(-0.03, 0.03)), 2))
    return [*closes]


def column(path: Path, name: str) -> list[float]:
    with path.open(newline="") as file:
        return [float(row[name]) if row[name] else math.nan for row in csv.DictReader(file)]


# published values ---------------------------------------------------------------------------------------------------------


@needs_published
def test_bollinger_bands_are_the_published_ones() -> None:
    sheet = PUBLISHED / "cs-bbands.csv"
    found = compute(bars([*column(sheet, "Close")]))
    names = {"ma20": "MiddleBand", "bb_middle": "MiddleBand", "bb_upper": "HighBand", "bb_lower": "LowBand"}
    for ours, theirs in names.items():
        assert found[ours].to_list()[19:] == pytest.approx(column(sheet, theirs)[19:], rel=1e-6), ours


@needs_published
def test_the_average_true_range_is_the_published_one_from_the_same_seed() -> None:
    sheet = PUBLISHED / "cs-atr.csv"
    highs, lows, closes = (column(sheet, name) for name in ("High", "Low", "Close"))
    # The sheet counts the first bar's range as a move; a bar before it that ends inside its range makes it one.
    found = compute(bars([closes[0], *closes], highs=[closes[0], *highs], lows=[closes[0], *lows]))
    assert found["atr_14"].to_list()[14:] == pytest.approx(column(sheet, "ATR")[13:], abs=1e-9)


@needs_published
def test_macd_meets_the_published_one_once_its_seed_is_forgotten() -> None:
    sheet = PUBLISHED / "cs-macd.csv"
    found = compute(bars([*column(sheet, "Close")]))
    for ours, theirs in (("macd", "MACD_line"), ("macd_signal", "MACD_signal"), ("macd_hist", "MACD_diff")):
        assert found[ours].to_list()[-10:] == pytest.approx(column(sheet, theirs)[-10:], abs=2e-3), ours


# warm-up and holes --------------------------------------------------------------------------------------------------------


def test_each_indicator_is_null_until_its_warm_up_and_a_number_from_then_on() -> None:
    found = compute(bars(walk(230)))
    begins = {name: found[name].is_not_null().arg_max() for name in INDICATORS}
    assert begins == WARM_UP
    assert {name: found[name].null_count() for name in INDICATORS} == WARM_UP
    assert not found.select(pl.any_horizontal(pl.col(*INDICATORS).is_nan().any())).item()


@pytest.mark.parametrize("count", [0, 1, 2, 14, 34])
def test_a_short_series_has_nulls_and_no_error(count: int) -> None:
    found = compute(bars(walk(count) if count else []))
    assert found.height == count
    assert found.columns[-13:] == list(INDICATORS)
    assert found["ma60"].null_count() == count


@pytest.mark.parametrize("hole", [None, math.nan, math.inf])
def test_a_bar_without_a_price_is_left_out_and_spoils_nothing(hole: float | None) -> None:
    closes = walk(120)
    spoilt = bars([*closes[:60], None, *closes[60:]])
    spoilt = spoilt.with_columns(
        pl.when(pl.col("close").is_null()).then(pl.lit(hole, dtype=pl.Float64)).otherwise("close").alias("close")
    )
    found = compute(spoilt).select(INDICATORS.names())
    whole = compute(bars(closes)).select(INDICATORS.names())
    assert found.row(60) == (None,) * 13
    assert pl.concat([found[:60], found[61:]]).equals(whole)


def test_a_series_of_holes_has_nulls_only() -> None:
    found = compute(bars([None] * 40))
    assert found.select(INDICATORS.names()).null_count().row(0) == (40,) * 13


def test_a_flat_series_has_no_strength_and_no_width() -> None:
    last = compute(bars([50.0] * 250)).row(-1, named=True)
    assert {name: last[name] for name in INDICATORS} == {
        **dict.fromkeys(("ma5", "ma20", "ma60", "ma120", "ma200", "bb_upper", "bb_middle", "bb_lower"), 50.0),
        **dict.fromkeys(("rsi_14", "macd", "macd_signal", "macd_hist"), 0.0),
        "atr_14": 2.0,
    }


# many series --------------------------------------------------------------------------------------------------------------


def test_series_do_not_see_each_other() -> None:
    series = [
        bars(walk(90, 1), ticker="A", region="KR"),
        bars(walk(40, 2), ticker="B", region="KR"),
        bars(walk(50, 3), ticker="B", region="KR", timeframe="W"),
        bars(walk(30, 4), ticker="B", region="US"),
    ]
    assert compute(pl.concat(series)).equals(pl.concat([compute(one) for one in series]))


def test_what_comes_later_changes_nothing() -> None:
    closes = walk(300)
    assert compute(bars(closes))[:200].equals(compute(bars(closes[:200])))


def test_the_last_300_bars_give_the_newest_values() -> None:
    closes = walk(1500)
    newest = compute(bars(closes)).select(INDICATORS.names()).row(-1)
    assert compute(bars(closes[-300:])).select(INDICATORS.names()).row(-1) == pytest.approx(newest, rel=1e-6)


# bad input ----------------------------------------------------------------------------------------------------------------

ORDERED = pl.concat([bars(walk(3), ticker="A"), bars(walk(3), ticker="B")])


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (ORDERED.reverse(), "out of order at row 1 (US B D 2020-01-02)"),
        (pl.concat([ORDERED, ORDERED[-1:]]), "out of order at row 6 (US B D 2020-01-03)"),
        (pl.concat([ORDERED[3:], ORDERED[:3]]), "out of order at row 3 (US A D 2020-01-01)"),
        (ORDERED.with_columns(ticker=pl.lit(None, dtype=pl.String)), "out of order at row 1 (US None D 2020-01-02)"),
        (ORDERED.drop("high"), "no column high"),
        (ORDERED.with_columns(ma5=pl.lit(1.0)), "indicators already (ma5)"),
        (ORDERED.with_columns(pl.col("close").cast(pl.String)), "no numbers in close (String)"),
        (ORDERED.lazy(), "bars are LazyFrame"),
    ],
    ids=["descending", "twice", "tickers", "no ticker", "no column", "there", "text", "lazy"],
)
def test_bars_that_are_no_series_are_refused(frame: pl.DataFrame, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", r"\(").replace(")", r"\)")):
        compute(frame)


def test_whole_numbers_and_decimals_are_prices_too() -> None:
    wanted = compute(ORDERED).select(INDICATORS.names())
    for kind in (pl.Float32, pl.Decimal(18, 4)):
        found = compute(ORDERED.with_columns(pl.col("high", "low", "close").cast(kind))).select(INDICATORS.names())
        assert found.null_count().equals(wanted.null_count())
        assert found["ma5"].drop_nulls().to_list() == pytest.approx(wanted["ma5"].drop_nulls().to_list(), rel=1e-6)
