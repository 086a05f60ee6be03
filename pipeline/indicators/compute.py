"""Thirteen indicators on bars, frame to frame.

Ours is the frame; the arithmetic is TA-Lib's, one call a ticker and indicator over contiguous slices of one sorted frame.
Its seeds: Wilder's RSI and ATR begin with the mean of the first 14 moves, an exponential mean with the simple one of its
first window (MACD: both begin where the slow one does), Bollinger's σ is the population's. A flat series has RSI 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.errors import UsageError
from pipeline.frames import INDICATORS

#: What tells one series of bars from another; inside a series bars ascend by date.
SERIES = ("region", "ticker", "timeframe")

_PRICES = ("high", "low", "close")
_NAMES = tuple(INDICATORS)

_Values = npt.NDArray[np.float64]


def compute(bars: pl.DataFrame) -> pl.DataFrame:
    """`bars` with the columns of INDICATORS (Float64) behind its own, row for row.

    `bars` needs region, ticker, timeframe, date, high, low, close (and may have more, such as open and volume), sorted by
    region, ticker, timeframe, date. Values are in the price's currency; `rsi_14` is 0 to 100. They are null before their
    warm-up (`ma200`: the first 199 bars of a series; MACD: 33) and on a bar whose high, low or close is null or no finite
    number: such a bar is left out of its series, so it doesn't spoil the ones behind it. Nothing here looks ahead.

    `UsageError` for a missing column, for indicators that are there already, and for bars that are out of order or twice.
    """
    _require(bars)
    usable = pl.all_horizontal(pl.col(name).cast(pl.Float64).is_finite().fill_null(False) for name in _PRICES)
    whole = bars.select(usable.all()).item()
    known = bars if whole else bars.filter(usable)
    found = _indicators(known)
    if not whole:
        places = bars.select(place=pl.when(usable).then(usable.cum_sum() - 1))["place"]
        found = found[places] if known.height else found.clear(n=bars.height)
    return bars.hstack(found)


def _require(bars: pl.DataFrame) -> None:
    """`UsageError` where the frame is not what `compute` takes."""
    if not isinstance(bars, pl.DataFrame):
        raise UsageError(f"bars are {type(bars).__name__}: give a polars DataFrame (of a LazyFrame: .collect())")
    missing = [name for name in (*SERIES, "date", *_PRICES) if name not in bars.columns]
    if missing:
        raise UsageError(f"bars have no column {', '.join(missing)}: indicators need {', '.join((*SERIES, 'date', *_PRICES))}")
    there = [name for name in _NAMES if name in bars.columns]
    if there:
        raise UsageError(f"bars have indicators already ({', '.join(there)}): give them without")
    texts = [name for name in _PRICES if not bars.schema[name].is_numeric()]
    if texts:
        raise UsageError(f"bars have no numbers in {', '.join(texts)} ({bars.schema[texts[0]]}): give Float64")
    wrong = bars.lazy().select(*SERIES, "date").with_row_index().filter(~_follows()).head(1).collect()
    for place, *series, date in wrong.iter_rows():
        raise UsageError(
            f"bars are out of order at row {place} ({' '.join(map(str, series))} {date}): sort them by region, ticker, "
            "timeframe and date, one bar a date"
        )


def _follows() -> pl.Expr:
    """Whether a row comes after the one before it; the first one always does. A null key is out of order."""
    follows: pl.Expr = pl.col("date") > pl.col("date").shift(1)
    for name in reversed(SERIES):
        key, before = pl.col(name), pl.col(name).shift(1)
        follows = (key > before) | ((key == before) & follows)
    return (follows | (pl.int_range(pl.len()) == 0)).fill_null(False)


def _indicators(bars: pl.DataFrame) -> pl.DataFrame:
    """INDICATORS of bars without gaps, null where TA-Lib says NaN."""
    high, low, close = (bars[name].cast(pl.Float64).to_numpy() for name in _PRICES)
    found = {name: np.full(bars.height, math.nan) for name in _NAMES}
    for first, last in _spans(bars):
        _series(high[first:last], low[first:last], close[first:last], {name: one[first:last] for name, one in found.items()})
    return pl.DataFrame(found, schema=INDICATORS, nan_to_null=True)


def _spans(bars: pl.DataFrame) -> list[tuple[int, int]]:
    """First row and end of each series."""
    if bars.is_empty():
        return []
    begins = pl.any_horizontal(pl.col(name) != pl.col(name).shift(1) for name in SERIES).fill_null(True)
    starts = bars.lazy().select(begins.arg_true()).collect().to_series().to_list()
    return list(zip(starts, [*starts[1:], bars.height], strict=True))


def _series(high: _Values, low: _Values, close: _Values, into: dict[str, Any]) -> None:
    """One series: TA-Lib's own functions without the wrapper that looks for frames of other libraries."""
    from talib import _ta_lib as talib

    into["ma5"][:] = talib.SMA(close, 5)
    into["ma60"][:] = talib.SMA(close, 60)
    into["ma120"][:] = talib.SMA(close, 120)
    into["ma200"][:] = talib.SMA(close, 200)
    into["rsi_14"][:] = talib.RSI(close, 14)
    into["macd"][:], into["macd_signal"][:], into["macd_hist"][:] = talib.MACD(close, 12, 26, 9)
    # The middle of Bollinger's bands is the mean of 20: one call less.
    into["bb_upper"][:], into["bb_middle"][:], into["bb_lower"][:] = talib.BBANDS(close, 20, 2.0, 2.0)
    into["ma20"][:] = into["bb_middle"]
    into["atr_14"][:] = talib.ATR(high, low, close, 14)
