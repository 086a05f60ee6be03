"""KIS's two desks: one transaction set serves the KRX, another all exchanges overseas. A region is served by one of them."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

import polars as pl

from adapters.base import INSTRUMENTS, REFUSED, Capability, History, IndexHistory, Instrument, Listing, Universe
from adapters.kis import domestic, master, overseas, overseas_master, search
from adapters.kis.exchanges import EXCHANGES
from adapters.kis.symbols import symbol
from adapters.kis.wire import OVERSEAS_INFO, STOCK_INFO, Tr, Wire
from pipeline.calendars import VenueCalendar, calendar
from pipeline.errors import ConfigError, ProviderError, Unavailable, Unsupported

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig, VenueConfig

#: The search shows names that have traded in its session. Where fewer than this share of an exchange's list (of the rule's
#: types) has a value, that session has hardly begun, and what it shows is no universe. Our choice: at the region's floor
#: about half of the names should have one.
_LEAST_SHARE = 0.1


class Charts(Protocol):
    """The dated transactions of a desk, `domestic` or `overseas`: `venue_code` and `code` are KIS's."""

    def history(
        self,
        wire: Wire,
        instrument: Instrument,
        start: dt.date,
        end: dt.date,
        *,
        venue_code: str,
        calendar: VenueCalendar,
        provider: str,
    ) -> History:
        """Daily bars of one ticker as traded."""

    def index(
        self,
        wire: Wire,
        region: str,
        index_code: str,
        start: dt.date,
        end: dt.date,
        *,
        code: str,
        currency: str,
        calendar: VenueCalendar,
        provider: str,
    ) -> IndexHistory:
        """Daily levels of one index."""


class Desk(ABC):
    """One region's way of asking KIS. The caller has checked that what is asked is of this region.

    `fetch` brings an unzipped master file by its name; `partial_lists` accepts that a list, or an exchange's values, are
    empty: a sandbox may be that small, the real one is not.
    """

    #: What tells of bars and levels.
    charts: Charts
    #: What tells of a listing.
    listing_tr: Tr

    def __init__(
        self,
        config: RegionConfig,
        provider: str,
        wire: Wire,
        fetch: Callable[[str], bytes],
        *,
        paper: bool,
        partial_lists: bool,
    ) -> None:
        self._config = config
        self._provider = provider
        self._wire = wire
        self._fetch = fetch
        self._paper = paper
        self._partial_lists = partial_lists

    @abstractmethod
    def universe(self) -> Universe:
        """All listings of the region."""

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        """Daily bars as traded."""
        venue_code, sessions = self._venue(instrument, Capability.HISTORY)
        return self.charts.history(
            self._wire, instrument, start, end, venue_code=venue_code, calendar=sessions, provider=self._provider
        )

    def index(self, index_code: str, start: dt.date, end: dt.date) -> IndexHistory:
        """Daily levels of one of the region's indices."""
        return self.charts.index(
            self._wire,
            self._config.region,
            index_code,
            start,
            end,
            code=self._index_code(index_code),
            currency=self._config.currency,
            calendar=calendar(self._main_venue.calendar),
            provider=self._provider,
        )

    def listing(self, instrument: Instrument) -> Listing:
        """Evidence about one listing; Unsupported where the host does not offer it."""
        if self._paper and not self.listing_tr.paper:
            raise self.unsupported(Capability.LISTING, "on the paper host")
        return self._listing(instrument)

    @abstractmethod
    def _listing(self, instrument: Instrument) -> Listing: ...

    def unsupported(self, capability: Capability, what: str) -> Unsupported:
        """The error for `what` this region has not."""
        return Unsupported(f"{self._provider}: no {capability} for region {self._config.region} {what}")

    def _venue(self, instrument: Instrument, capability: Capability) -> tuple[str, VenueCalendar]:
        """KIS's code of the instrument's venue, and the venue's calendar; Unsupported for a venue KIS has no code for."""
        codes = self._config.codes.get(self._provider, {})
        for venue in self._config.venues:
            if venue.mic == instrument.venue and venue.mic in codes:
                return codes[venue.mic], calendar(venue.calendar)
        raise self.unsupported(capability, f"and venue {instrument.venue}")

    def _index_code(self, index_code: str) -> str:
        """KIS's code of an index of settings."""
        for index in self._config.indices:
            if index.code == index_code and self._provider in index.codes:
                return index.codes[self._provider]
        raise self.unsupported(Capability.INDEX, f"and index {index_code}")

    def _lists(self, files: Mapping[str, str]) -> dict[str, bytes]:
        """The master files of the region's venues, unzipped, by MIC; `files` names them."""
        return {venue.mic: self._fetch(files[venue.mic]) for venue in self._config.venues if venue.mic in files}

    @property
    def _main_venue(self) -> VenueConfig:
        return self._config.venues[0]


class DomesticDesk(Desk):
    """KRX: KOSPI and KOSDAQ."""

    charts: Charts = domestic
    listing_tr = STOCK_INFO

    def universe(self) -> Universe:
        """The lists of KOSPI and KOSDAQ, which carry market values; names are Korean only."""
        lists = self._lists({mic: one.file for mic, one in master.MASTERS.items()})
        return master.read(lists, self._config.region, self._config.currency, self._provider, partial_lists=self._partial_lists)

    def _listing(self, instrument: Instrument) -> Listing:
        return domestic.listing(self._wire, instrument.ticker, provider=self._provider)


class OverseasDesk(Desk):
    """Exchanges outside Korea; each is asked under KIS's code of settings."""

    charts: Charts = overseas
    listing_tr = OVERSEAS_INFO

    def universe(self) -> Universe:
        """The exchanges' lists; values, shares and members from the condition search where the region's rule needs them.

        A search that can't run costs the values and the members, never the lists: `unvalued` says why.
        """
        lists = self._lists({mic: one.file for mic, one in overseas_master.MASTERS.items()})
        listed = overseas_master.read(
            lists, self._config.region, self._config.currency, self._provider, partial_lists=self._partial_lists
        )
        rule = self._config.universe
        if rule.top is None and rule.min_value is None and rule.members is None:
            return listed
        try:
            return self._valued(listed, rule.min_value)
        except ProviderError as error:
            return Universe(instruments=listed.instruments, refused=listed.refused, unvalued=str(error))

    def _listing(self, instrument: Instrument) -> Listing:
        exchange, _ = self._venue(instrument, Capability.LISTING)
        return overseas.listing(self._wire, instrument, exchange=exchange, provider=self._provider)

    def _valued(self, listed: Universe, floor: float | None) -> Universe:
        """The lists with what the search says their names are worth: all exchanges, or ProviderError."""
        found = [
            self._search(str(mic), names, floor) for (mic,), names in listed.instruments.group_by("venue", maintain_order=True)
        ]
        worth = {ticker: one for valuation in found for ticker, one in valuation.worth.items()}
        found_worth = pl.DataFrame(
            {
                "ticker": list(worth),
                "found_shares": [shares for _, shares in worth.values()],
                "found_value": [value for value, _ in worth.values()],
            },
            schema={"ticker": pl.String, "found_shares": pl.Int64, "found_value": pl.Float64},
        )
        instruments = (
            listed.instruments.join(found_worth, on="ticker", how="left", maintain_order="left")
            .with_columns(shares=pl.coalesce("found_shares", "shares"), value=pl.coalesce("found_value", "value"))
            .select(INSTRUMENTS.names())
        )
        buyable = frozenset[str]().union(*(one.buyable for one in found))
        return Universe(
            instruments=instruments,
            refused=pl.concat([listed.refused, *(one.refused for one in found)]),
            members=buyable if self._config.universe.members == "stock_connect" else None,
        )

    def _search(self, mic: str, names: pl.DataFrame, floor: float | None) -> search.Valuation:
        """What the search says of one exchange; nobody is asked where its list has no name of the rule's types."""
        exchange = self._config.codes.get(self._provider, {}).get(mic)
        if exchange is None:
            raise self.unsupported(Capability.UNIVERSE, f"and venue {mic}: settings give it no code")
        wanted = names.filter(pl.col("security_type").is_in(self._config.universe.security_types))["ticker"].to_list()
        if not wanted:
            return search.Valuation({}, frozenset(), REFUSED.to_frame())
        found = search.values(
            self._wire,
            exchange,
            {symbol(ticker): ticker for ticker in names["ticker"].to_list()},
            floor=floor,
            region=self._config.region,
            provider=self._provider,
            partial_lists=self._partial_lists,
        )
        valued = sum(ticker in found.worth for ticker in wanted)
        if valued < _LEAST_SHARE * len(wanted) and not self._partial_lists:
            raise Unavailable(
                f"{self._provider}: value search of {mic}: {valued} of {len(wanted)} names of its list have traded in the "
                "session it shows: ask again after the close"
            )
        return found


#: KIS's codes of the KRX session, of Nextrade, and of both together (field table of FHKST03010100).
_DOMESTIC = frozenset({"J", "NX", "UN"})


def desk_of(config: RegionConfig, provider: str) -> type[Desk] | None:
    """The desk that serves a region, by the codes that settings give its venues; None where settings give none.

    ConfigError for a code that KIS does not have, or for codes of both desks.
    """
    codes = set(config.codes.get(provider, {}).values())
    if not codes:
        return None
    if codes <= _DOMESTIC:
        return DomesticDesk
    if codes <= EXCHANGES.keys():
        return OverseasDesk
    known = ", ".join([*sorted(_DOMESTIC), *EXCHANGES])
    raise ConfigError(
        f"codes.{provider} of region {config.region} are {', '.join(sorted(codes))}: known are {known}, "
        f"and no region has codes of KRX ({', '.join(sorted(_DOMESTIC))}) beside others"
    )
