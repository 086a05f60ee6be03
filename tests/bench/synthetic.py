"""The market of the benchmarks: 8,908 listings of six regions, every bar invented from a seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.store import STORED_BARS, Batch


@dataclass(frozen=True)
class Listings:
    """How many tickers a region has, its currency, and the decimals its prices are quoted in."""

    tickers: int
    currency: str
    decimals: int


#: The six regions of the original's capacity plan: 8,908 tickers.
REGIONS = {
    "KR": Listings(2_758, "KRW", 0),
    "US": Listings(3_000, "USD", 2),
    "CN": Listings(1_500, "CNY", 2),
    "HK": Listings(800, "HKD", 2),
    "JP": Listings(700, "JPY", 0),
    "VN": Listings(150, "VND", 0),
}

#: Rows of one session of all regions; also the listings of the one wide region that the single commit of that size needs.
NIGHT_ROWS = sum(listings.tickers for listings in REGIONS.values())

#: The last session of every generated history; nights follow it.
LAST = dt.date(2026, 11, 20)

_START_PRICE = {0: 50_000.0, 2: 50.0}


def history(region: str, sessions: int, tickers: range | None = None) -> pl.DataFrame:
    """STORED_BARS of the `sessions` weekdays up to `LAST` for `tickers` (all, unless given), by ticker and date."""
    chosen = range(REGIONS[region].tickers) if tickers is None else tickers
    return _bars(region, chosen, _weekdays_until(LAST, sessions))


def night(region: str, number: int, tickers: int | None = None) -> pl.DataFrame:
    """STORED_BARS of a region's tickers (all, unless a count is given) for the `number`-th weekday after `LAST`."""
    count = REGIONS[region].tickers if tickers is None else tickers
    return _bars(region, range(count), [weekday_after(number)])


def restated(region: str, session: dt.date) -> pl.DataFrame:
    """STORED_BARS of all tickers of a region for one session, with prices no other function here gives."""
    prices = ("open", "high", "low", "close")
    frame = _bars(region, range(REGIONS[region].tickers), [session])
    return frame.with_columns(pl.col(*prices) + 1.0)


def weekday_after(number: int) -> dt.date:
    """The `number`-th weekday after `LAST` (1 is the next one)."""
    weeks, days = divmod(number + LAST.weekday(), 5)
    return LAST + dt.timedelta(days=weeks * 7 + days - LAST.weekday())


def old_session(sessions: int) -> dt.date:
    """The middle one of the sessions of `history(…, sessions)`."""
    return _weekdays_until(LAST, sessions)[sessions // 2]


def slices(region: str, size: int) -> Iterator[range]:
    """The region's tickers in runs of at most `size`."""
    tickers = REGIONS[region].tickers
    for start in range(0, tickers, size):
        yield range(start, min(start + size, tickers))


def batch(batch_id: str, region: str, bars: pl.DataFrame) -> Batch:
    """`bars` as a batch that the write path takes."""
    return Batch(
        batch_id=batch_id,
        run_id="bench",
        region=region,
        origin="sandbox",
        committed_at=dt.datetime(2026, 11, 21, tzinfo=dt.UTC),
        bars=bars,
    )


def _weekdays_until(last: dt.date, count: int) -> list[dt.date]:
    days = (last - dt.timedelta(days=back) for back in range(count * 7 // 5 + 7))
    weekdays = [day for day in days if day.weekday() < 5]
    return weekdays[count - 1 :: -1]


def _bars(region: str, tickers: range, sessions: Sequence[dt.date]) -> pl.DataFrame:
    """Random walks on the region's price grid: one per ticker, its sessions one after the other."""
    listings = REGIONS[region]
    seed = [*region.encode(), tickers.start, sessions[0].toordinal(), len(sessions)]
    random = np.random.default_rng(seed)
    shape = (len(tickers), len(sessions))
    base = _START_PRICE[listings.decimals]
    close = base * np.exp(np.cumsum(random.normal(0.0, 0.02, shape), axis=1))
    opened = close * (1.0 + random.normal(0.0, 0.01, shape))
    high = np.maximum(opened, close) * (1.0 + random.random(shape) * 0.01)
    low = np.minimum(opened, close) * (1.0 - random.random(shape) * 0.01)
    volume = random.lognormal(11.0, 1.5, shape).astype(np.int64)
    prices = {"open": opened, "high": high, "low": low, "close": close}
    codes = pl.Series([f"{code:06d}" for code in tickers], dtype=pl.String)
    dates = pl.Series(list(sessions), dtype=pl.Date)
    return (
        pl.DataFrame(
            {
                "ticker": codes.gather(np.repeat(np.arange(shape[0]), shape[1])),
                "date": dates.gather(np.tile(np.arange(shape[1]), shape[0])),
                **{name: np.round(values.ravel(), listings.decimals) for name, values in prices.items()},
                "volume": volume.ravel(),
                "amount": np.round(volume * close).ravel(),
            }
        )
        .with_columns(
            region=pl.lit(region),
            timeframe=pl.lit("D"),
            currency=pl.lit(listings.currency),
            provider=pl.lit("kis"),
            basis=pl.lit("raw"),
            adjusted_through=pl.lit(None, dtype=pl.Date),
            finality=pl.lit("final"),
            known_at=pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(hours=9),
            run_id=pl.lit(f"{region}-night-2026-11-20"),
        )
        .select(STORED_BARS.names())
        .cast(dict(STORED_BARS))  # type: ignore[arg-type]
    )
