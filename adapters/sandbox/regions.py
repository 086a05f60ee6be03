"""The regions a sandbox can serve: what its markets are called there, how they count, and how many names each gets.

Korea and the United States have modules of names; every other region is a file of `books/`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from adapters.sandbox import books, names, names_us
from adapters.sandbox.roster import Book
from adapters.sandbox.ticks import LIMIT


@dataclass(frozen=True)
class Index:
    """A made-up index: `start` in points in 2015, `sigma` a session, `volume` in shares, `price` of a share in currency."""

    start: float
    sigma: float
    volume: int
    price: int


@dataclass(frozen=True)
class Files:
    """How a folder of bars is read (`replay`), and what is served where it says nothing.

    `tickers` is what a file may be called, in `words`, `venues` the venue by ticker (the first pattern that fits), `hours`
    the regular ones of the main venue, for a row on a date its calendar calls closed or does not know. `shares` times any
    price of a followed name is above the region's least market value; `face`, `group` and `lot` are those of a `market.Name`.
    """

    tickers: re.Pattern[str]
    words: str
    venues: tuple[tuple[re.Pattern[str], str], ...]
    hours: tuple[time, time]
    shares: int
    face: int
    group: str
    lot: int


@dataclass(frozen=True)
class Profile:
    """What makes a region's market its own, generated or replayed.

    `calendar` is the calendar of its main venue, `venues` those of all (MIC: calendar), `scale` what one unit of a quoted
    currency is in prices, `dividends` what `Bar.ex` says on an ex-dividend date in December and on others, `limits` how far
    a session's prices may leave its base price by venue (0.3: 30%), `cash_in_base` whether a cash dividend moves the base
    price, `currency` the one names are quoted in where it is not the region's, `minor` how many of a quoted unit make one of
    its major currency where that is not one (GBp: 100), `weight` the region's part of all names.
    """

    calendar: str
    venues: Mapping[str, str]
    scale: int
    book: Book
    indices: Mapping[str, Index]
    files: Files
    weight: int
    dividends: tuple[str, str] = ("00", "00")
    limits: Mapping[str, float] = field(default_factory=dict)
    cash_in_base: bool = False
    currency: str = ""
    minor: Mapping[str, int] = field(default_factory=dict)


def _files(source: Mapping[str, Any]) -> Files:
    return Files(
        tickers=re.compile(source["tickers"], re.ASCII),
        words=source["words"],
        venues=tuple((re.compile(tickers, re.ASCII), venue) for tickers, venue in source["venues"]),
        hours=(source["hours"][0], source["hours"][1]),
        shares=source["shares"],
        face=0,
        group="2",
        lot=source["lot"],
    )


def _profile(region: str) -> Profile:
    """What the book of a region says."""
    source = books.table(region)
    return Profile(
        calendar=source["calendar"],
        venues=source["venues"],
        scale=source["scale"],
        book=books.book(region),
        indices={code: Index(**index) for code, index in source["indices"].items()},
        files=_files(source["files"]),
        weight=source["weight"],
        limits=source.get("limits", {}),
        cash_in_base=source.get("cash_in_base", False),
        currency=source.get("currency", ""),
        minor=source.get("minor", {}),
    )


_ANY = re.compile(r".*")
_KR = Profile(
    calendar="XKRX",
    venues={"XKRX": "XKRX", "XKOS": "XKRX"},
    scale=1,
    book=names.BOOK,
    indices={
        "KOSPI": Index(2_650.0, 0.009, 620_000_000, 15_500),
        "KOSDAQ": Index(780.0, 0.012, 980_000_000, 8_900),
    },
    files=Files(
        tickers=re.compile(r"[0-9A-Z]{6}"),
        words="six letters or digits of the Korean wire",
        venues=((_ANY, "XKRX"),),
        hours=(time(9, 0), time(15, 30)),
        shares=10_000_000,
        face=500,
        group="ST",
        lot=1,
    ),
    weight=31,
    dividends=("02", "05"),
    limits=dict.fromkeys(("XKRX", "XKOS"), LIMIT),
)
_US = Profile(
    calendar="XNYS",
    venues={"XNAS": "XNYS", "XNYS": "XNYS", "XASE": "XNYS"},
    scale=names_us.SCALE,
    book=names_us.BOOK,
    indices={"SPX": Index(5_900.0, 0.008, 2_400_000_000, 75)},
    files=Files(
        tickers=re.compile(r"[A-Z]{1,5}([.-][A-Z]{1,3})?"),
        words="one to five letters, and for a class a dot and its letters",
        venues=((_ANY, "XNAS"),),
        hours=(time(9, 30), time(16, 0)),
        shares=1_000_000_000,
        face=0,
        group="2",
        lot=1,
    ),
    weight=34,
)
#: In the order of the regions' codes everywhere: KR US CN HK JP VN AU UK EU.
PROFILES = {"KR": _KR, "US": _US} | {region: _profile(region) for region in ("CN", "HK", "JP", "VN", "AU", "UK", "EU")}
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
    for _ in range(over):  # the large ones give, one after another
        largest = max(regions, key=lambda region: (parts[region], region))
        parts[largest] -= parts[largest] > ALWAYS
    return parts
