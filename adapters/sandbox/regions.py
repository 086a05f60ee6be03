"""The regions a sandbox can serve: what its markets are called there, how they count, and how many names each gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.sandbox import names, names_us
from adapters.sandbox.roster import Book


@dataclass(frozen=True)
class Index:
    """A made-up index: `start` in points in 2015, `sigma` a session, `volume` in shares, `price` of a share in currency."""

    start: float
    sigma: float
    volume: int
    price: int


@dataclass(frozen=True)
class Profile:
    """What makes a region's generated market its own.

    `calendar` is the calendar of its main venue, `scale` what one unit of its currency is in prices, `dividends` what
    `Bar.ex` says on an ex-dividend date in December and on others, `limited` whether a session's prices may leave its
    base price by no more than `ticks.LIMIT`, `weight` the region's part of all names.
    """

    calendar: str
    scale: int
    book: Book
    indices: Mapping[str, Index]
    dividends: tuple[str, str]
    limited: bool
    weight: int


PROFILES = {
    "KR": Profile(
        calendar="XKRX",
        scale=1,
        book=names.BOOK,
        indices={
            "KOSPI": Index(2_650.0, 0.009, 620_000_000, 15_500),
            "KOSDAQ": Index(780.0, 0.012, 980_000_000, 8_900),
        },
        dividends=("02", "05"),
        limited=True,
        weight=31,
    ),
    "US": Profile(
        calendar="XNYS",
        scale=names_us.SCALE,
        book=names_us.BOOK,
        indices={"SPX": Index(5_900.0, 0.008, 2_400_000_000, 75)},
        dividends=("00", "00"),
        limited=False,
        weight=34,
    ),
}
#: Names at the beginning of each roster that no market is without.
ALWAYS = 6


def split(tickers: int, regions: Sequence[str]) -> dict[str, int]:
    """`tickers` divided between `regions` by their weights, at least six each.

    What the division leaves over goes to the largest remainders, so the parts add up to `tickers` unless the six do not
    fit.
    """
    whole = sum(PROFILES[region].weight for region in regions)
    exact = {region: tickers * PROFILES[region].weight / whole for region in regions}
    parts = {region: math.floor(part) for region, part in exact.items()}
    for region in sorted(regions, key=lambda region: parts[region] - exact[region])[: tickers - sum(parts.values())]:
        parts[region] += 1
    missing = {region: max(ALWAYS - part, 0) for region, part in parts.items()}
    parts = {region: part + missing[region] for region, part in parts.items()}
    over = min(sum(missing.values()), sum(parts.values()) - tickers)
    for region in sorted(regions, key=lambda region: -parts[region]):
        given = min(over, parts[region] - ALWAYS)
        parts[region], over = parts[region] - given, over - given
    return parts
