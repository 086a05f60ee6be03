"""Indicators of 2.23M bars, frame to frame, against the bare library calls and against two ways through pandas."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import synthetic
import talib
from timing import Stopwatch, say

from pipeline.frames import INDICATORS
from pipeline.indicators import compute

pytestmark = pytest.mark.bench

_SESSIONS = 250
_REPETITIONS = 5

#: Of so many tickers pandas-ta-classic is timed, and scaled to all: it would take a minute.
_SAMPLE = 60


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Every region's bars in the order the stage reads them."""
    history = [synthetic.history(region, _SESSIONS) for region in sorted(synthetic.REGIONS)]
    return pl.concat(history).select("region", "ticker", "timeframe", "date", "open", "high", "low", "close", "volume")


def test_indicators_cost_little_more_than_the_bare_library_calls(bars: pl.DataFrame) -> None:
    slices = [(start, start + _SESSIONS) for start in range(0, bars.height, _SESSIONS)]
    watch = Stopwatch()
    for _ in range(_REPETITIONS):
        with watch.lap("bare TA-Lib calls"):
            _bare(bars, slices)
        with watch.lap("spock"):
            found = compute(bars)
    assert found.height == synthetic.NIGHT_ROWS * _SESSIONS
    slower = watch.ratio("spock", "bare TA-Lib calls")
    say(f"13 indicators of {bars.height:,} bars", watch, f"{slower:.2f} times the bare calls (at most 1.3)")
    assert slower <= 1.3


def test_indicators_are_faster_than_pandas(bars: pl.DataFrame) -> None:
    theirs = bars.to_pandas()
    watch = Stopwatch()
    for _ in range(3):
        with watch.lap("pandas"):
            _pandas(theirs)
        with watch.lap("spock"):
            found = compute(bars)
    _agree(found, _pandas(theirs), "ma200", "macd", "bb_middle")
    faster = watch.ratio("pandas", "spock")
    say(f"13 indicators of {bars.height:,} bars", watch, f"{faster:.1f} times faster than pandas (at least 4)")
    assert faster >= 4


@pytest.mark.filterwarnings("ignore")
def test_indicators_are_faster_than_pandas_ta_classic(bars: pl.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas_ta_classic  # noqa: F401  (adds `.ta` to frames)
    tickers = bars.height // _SESSIONS
    sample = [bars[start : start + _SESSIONS].to_pandas() for start in range(0, _SAMPLE * _SESSIONS, _SESSIONS)]
    watch = Stopwatch()
    for _ in range(3):
        part = Stopwatch()
        with part.lap("sample"):
            for one in sample:
                _pandas_ta(one)
        watch.add(f"pandas-ta-classic, {_SAMPLE} tickers scaled", part.median("sample") * tickers / _SAMPLE)
        with watch.lap("spock"):
            compute(bars)
    faster = watch.ratio(f"pandas-ta-classic, {_SAMPLE} tickers scaled", "spock")
    say(f"13 indicators of {bars.height:,} bars", watch, f"{faster:.0f} times faster (at least 50)")
    assert faster >= 50


def _bare(bars: pl.DataFrame, slices: list[tuple[int, int]]) -> list[object]:
    """The calls alone, on arrays that are there; their answers are kept, as anybody would."""
    high, low, close = (bars[name].to_numpy() for name in ("high", "low", "close"))
    found: list[object] = []
    for first, last in slices:
        one = close[first:last]
        found += [talib.SMA(one, days) for days in (5, 20, 60, 120, 200)]
        found += [talib.RSI(one, 14), talib.MACD(one, 12, 26, 9), talib.BBANDS(one, 20, 2.0, 2.0)]
        found.append(talib.ATR(high[first:last], low[first:last], one, 14))
    return found


def _pandas(bars: pd.DataFrame) -> pd.DataFrame:
    """The same by pandas' windows over groups: a person's first idea, with its own seeds."""
    keys = [bars["region"], bars["ticker"]]
    close = bars.groupby(keys, sort=False)["close"]
    found = pd.DataFrame(index=bars.index)
    for days in (5, 20, 60, 120, 200):
        found[f"ma{days}"] = close.rolling(days).mean().to_numpy()
    move = close.diff()
    up = move.clip(lower=0).groupby(keys, sort=False).ewm(alpha=1 / 14, adjust=False, min_periods=14).mean().to_numpy()
    down = (-move.clip(upper=0)).groupby(keys, sort=False).ewm(alpha=1 / 14, adjust=False, min_periods=14).mean().to_numpy()
    found["rsi_14"] = 100 - 100 / (1 + up / np.where(down == 0, np.nan, down))
    fast = close.ewm(span=12, adjust=False, min_periods=12).mean().to_numpy()
    slow = close.ewm(span=26, adjust=False, min_periods=26).mean().to_numpy()
    found["macd"] = fast - slow
    found["macd_signal"] = found["macd"].groupby(keys, sort=False).ewm(span=9, adjust=False, min_periods=9).mean().to_numpy()
    found["macd_hist"] = found["macd"] - found["macd_signal"]
    found["bb_middle"] = found["ma20"]
    width = 2 * close.rolling(20).std(ddof=0).to_numpy()
    found["bb_upper"], found["bb_lower"] = found["bb_middle"] + width, found["bb_middle"] - width
    before = close.shift(1)
    ranges = pd.concat([bars["high"] - bars["low"], (bars["high"] - before).abs(), (bars["low"] - before).abs()], axis=1)
    true_range = ranges.max(axis=1).groupby(keys, sort=False)
    found["atr_14"] = true_range.ewm(alpha=1 / 14, adjust=False, min_periods=14).mean().to_numpy()
    return found


def _agree(ours: pl.DataFrame, theirs: pd.DataFrame, *names: str) -> None:
    """Both did the same work: the newest values agree where seeds are forgotten."""
    assert list(INDICATORS) == [name for name in ours.columns if name in theirs.columns]
    for name in names:
        newest = slice(_SESSIONS - 1, None, _SESSIONS)
        np.testing.assert_allclose(ours[name].to_numpy()[newest], theirs[name].to_numpy()[newest], rtol=1e-3, atol=1e-3)


def _pandas_ta(bars: pd.DataFrame) -> list[object]:
    """One ticker by the library's own accessor, without its own use of TA-Lib."""
    ta = bars.ta
    return [
        *(ta.sma(length=days, talib=False) for days in (5, 20, 60, 120, 200)),
        ta.rsi(length=14, talib=False),
        ta.macd(fast=12, slow=26, signal=9, talib=False),
        ta.bbands(length=20, std=2, talib=False),
        ta.atr(length=14, talib=False),
    ]
