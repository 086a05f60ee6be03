"""The contract every provider is spoken to through.

An adapter turns one provider's wire into tidy frames and knows nothing of the store. Frames carry the contract's columns
and dtypes: prices as traded in the major currency unit, volume in shares, local ticker, the venue's session date. `provider`
and `basis` are stamped by the code that parsed the bytes. Nothing is dropped: a row that can't be parsed comes back in
`refused` with its reason.

A capability that a provider does not offer raises `Unsupported`; one that should have answered and did not, `Unavailable`;
one whose data will exist later, `NotYet`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from pipeline.errors import Unsupported, UsageError
from pipeline.frames import ACTIONS, BARS, INDEX_BARS, INSTRUMENTS, REFUSED

__all__ = [
    "ACTIONS",
    "BARS",
    "INDEX_BARS",
    "INSTRUMENTS",
    "REFUSED",
    "Basis",
    "Capability",
    "History",
    "IndexHistory",
    "Instrument",
    "Listing",
    "MarketAdapter",
    "Universe",
    "check_range",
]


class Basis(StrEnum):
    """How far a provider already adjusted a bar for share-count events."""

    RAW = "raw"
    SPLIT_ADJUSTED = "split_adjusted"
    UNKNOWN = "unknown"


class Capability(StrEnum):
    """What a provider may be asked for."""

    UNIVERSE = "universe"
    LISTING = "listing"
    HISTORY = "history"
    MARKET_DAY = "market_day"
    CORPORATE_ACTIONS = "corporate_actions"
    INDEX = "index"
    FX = "fx"
    QUOTE = "quote"
    NEWS = "news"


@dataclass(frozen=True)
class Instrument:
    """What an adapter needs to know to ask for one ticker."""

    region: str
    ticker: str
    venue: str
    currency: str


def check_range(start: dt.date, end: dt.date, what: str) -> None:
    """`UsageError` for a range of `what` (a ticker, an index) that ends before it starts."""
    if start > end:
        raise UsageError(f"history of {what} from {start} until {end}: the range ends before it starts")


@dataclass(frozen=True)
class History:
    """Bars of one ticker over a range.

    `bars`: BARS, ascending by date, every row the provider gave inside the range. `refused`: REFUSED. `exhausted` says that
    the whole range was walked: the provider has no older row inside it than the first one. `pages` is the number of answers
    the rows came from. `older` says that an answer held a row from before the range, so the listing is older than it.
    `actions` (ACTIONS): what the answer tells of corporate actions, from `start` through today where the provider tells more
    than its rows.
    """

    bars: pl.DataFrame
    refused: pl.DataFrame
    exhausted: bool
    pages: int
    older: bool = False
    actions: pl.DataFrame = field(default_factory=ACTIONS.to_frame)


@dataclass(frozen=True)
class IndexHistory:
    """Levels of one index over a range (`bars`: INDEX_BARS, ascending by date), and what was refused (REFUSED)."""

    bars: pl.DataFrame
    refused: pl.DataFrame
    pages: int


@dataclass(frozen=True)
class Universe:
    """Every listing a provider's lists show (`instruments`: INSTRUMENTS) and the lines that could not be read (REFUSED).

    `unvalued` says why market values are missing although the region's rule needs them ("" where they are there or nobody
    needs them). `members` are the tickers of the membership list that the region's rule names (`universe.members`); None where
    the provider has no such list.
    """

    instruments: pl.DataFrame
    refused: pl.DataFrame
    unvalued: str = ""
    members: frozenset[str] | None = None


@dataclass(frozen=True)
class Listing:
    """Evidence about one listing: `listed_until` is its last day of listing where the provider's list ends it, else None."""

    ticker: str
    listed_from: dt.date | None
    listed_until: dt.date | None
    halted: bool | None
    provider: str


class MarketAdapter:
    """Base of all adapters: every capability is `Unsupported` until a provider overrides it.

    Class attribute `provider` is the provider's name in settings, tables and metrics. Dates are venue-local session dates;
    ranges include both ends.
    """

    provider = ""

    def universe(self, region: str) -> Universe:
        """All listings of `region` from the provider's own lists."""
        raise self._unsupported(Capability.UNIVERSE, region)

    def listing(self, instrument: Instrument) -> Listing:
        """What the provider's list says about one listing, a delisting date included."""
        raise self._unsupported(Capability.LISTING, instrument.region)

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        """Daily bars of one ticker, `start` to `end`, both included; paged until the range is complete."""
        raise self._unsupported(Capability.HISTORY, instrument.region)

    def index(self, region: str, index_code: str, start: dt.date, end: dt.date) -> IndexHistory:
        """Daily levels of one of the region's indices (a code of settings, such as `KOSPI`)."""
        raise self._unsupported(Capability.INDEX, region)

    def market_day(self, region: str, session: dt.date) -> History:
        """All tickers of one session in few requests."""
        raise self._unsupported(Capability.MARKET_DAY, region)

    def close(self) -> None:
        """Release connections."""

    def _unsupported(self, capability: Capability, region: str) -> Unsupported:
        return Unsupported(f"{self.provider}: no {capability} for region {region}")
