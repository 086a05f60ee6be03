"""Yahoo as a market adapter, and how one is opened from settings."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from adapters.base import Capability, History, IndexHistory, Instrument, Listing, MarketAdapter, Universe, check_range
from adapters.limiter import Limit
from adapters.sandbox.control import fetch_info
from adapters.yfinance import actions, chart, listings, symbols
from adapters.yfinance.chart import PROVIDER
from adapters.yfinance.wire import QUOTES, Lease
from pipeline import settings
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from adapters.transport import Attempt
    from pipeline.settings import RegionConfig

#: Rows from before a range say that the listing is older than it, also where it was silent all through the range.
_LOOK_BACK = dt.timedelta(days=14)
#: Pages after which a screener that has ever more is left: the largest region has some 7,000 lines.
_MOST_PAGES = 60


class YfinanceAdapter(MarketAdapter):
    """Yahoo Finance through yfinance, without a key. Serves universe, listing, history and index of the region of `config`.

    History is adjusted for splits (`basis` split_adjusted); `adjusted_through` is the day of the last trade or of a later split
    that the answer tells of. `limits` and what a 429 stops hold for all processes that share `state_dir`; `origin` is a
    sandbox's address. Safe for many threads; `on_attempt` is called in the asking thread for every request, those for cookies
    and crumbs included.
    """

    provider = PROVIDER

    def __init__(
        self,
        config: RegionConfig,
        *,
        state_dir: Path,
        origin: str | None,
        limits: Sequence[Limit],
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> None:
        self._config = config
        self._on_attempt = on_attempt
        self._lease = Lease(config, origin=origin, state_dir=state_dir, limits=limits)
        self._wire = self._lease.wire
        #: First trade dates that charts told, by symbol: evidence about a listing costs no second request.
        self._first_trades: dict[str, dt.date | None] = {}

    @property
    def sent(self) -> int:
        """Requests sent so far by all regions of the process, cookies and crumbs included."""
        return self._wire.sent

    def universe(self, region: str) -> Universe:
        """The region's lines in Yahoo's screener, largest first: all of them where two venues may share a code, else as many as
        the region's rule looks at; and the watchlist, whatever it is worth.

        Unavailable for a screener that shows nothing, or fewer lines than it counts.
        """
        of = listings.of_region(self._config) if region == self._config.region else ()
        if not of:
            raise self._unsupported(Capability.UNIVERSE, region)
        refusals = chart.Refusals(region, None)
        lines = self._sweep(of, refusals)
        missing = sorted({*self._config.watchlist, *self._config.banks} - {one.code for one in lines})
        lines += self._single(missing, refusals)
        return Universe(instruments=listings.instruments(lines, self._config), refused=refusals.frame())

    def listing(self, instrument: Instrument) -> Listing:
        """The first trade Yahoo has. That a listing ended is never said: Yahoo calls delisted what it does not show."""
        spelt = self._symbol(instrument, Capability.LISTING)
        if spelt not in self._first_trades:
            self._chart(spelt, None, Capability.LISTING)
        first = self._first_trades[spelt]
        return Listing(instrument.ticker, listed_from=first, listed_until=None, halted=None, provider=self.provider)

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        """Daily bars in one answer, split-adjusted, in the major unit of the currency the answer names; and the corporate
        actions from `start` through now.

        The caller asks for closed sessions only. An answer without a row is Unavailable unless the listing began after the
        range, or has rows from before it.
        """
        spelt = self._symbol(instrument, Capability.HISTORY)
        check_range(start, end, instrument.ticker)
        found = self._chart(spelt, start - _LOOK_BACK, Capability.HISTORY)
        unread = chart.Refusals(instrument.region, instrument.ticker)
        splits = actions.splits(found, unread)
        through = chart.adjusted_through(found, [split.day for split in splits])
        bars, refused = chart.bars(found, instrument, start, end, through)
        self._believe(found, start, end)
        told = actions.actions(found, splits, instrument.region, instrument.ticker, start, through, unread)
        older = any(row.date < start for row in found.rows) or (found.first_trade is not None and found.first_trade < start)
        return History(
            bars=bars,
            refused=pl.concat([refused, unread.frame()]),
            exhausted=True,
            pages=1,
            older=older,
            actions=told,
        )

    def index(self, region: str, index_code: str, start: dt.date, end: dt.date) -> IndexHistory:
        """Daily levels of an index of settings, in one answer. JP's TOPIX is the fund that follows it (1306.T)."""
        code = next(
            (index.codes[PROVIDER] for index in self._config.indices if index.code == index_code and PROVIDER in index.codes),
            None,
        )
        if region != self._config.region or code is None:
            raise self._unsupported(Capability.INDEX, f"{region} and index {index_code}")
        check_range(start, end, index_code)
        found = self._chart(code, start - _LOOK_BACK, Capability.INDEX)
        levels, refused = chart.levels(found, region, index_code, self._config.currency, start, end)
        self._believe(found, start, end)
        return IndexHistory(levels, refused, pages=1)

    def close(self) -> None:
        """Release connections; the adapter is not used afterwards."""
        self._lease.end()

    def _chart(self, spelt: str, since: dt.date | None, capability: Capability) -> chart.Chart:
        result = self._wire.chart(spelt, since, capability=capability, on_attempt=self._on_attempt)
        found = chart.read(result, spelt)
        self._first_trades[spelt] = found.first_trade
        return found

    def _believe(self, found: chart.Chart, start: dt.date, end: dt.date) -> None:
        """Raise Unavailable for an answer that holds nothing although the listing had begun: a block looks like that."""
        begins_later = found.first_trade is not None and found.first_trade > end
        if not found.rows and not begins_later:
            raise Unavailable(
                f"{PROVIDER}: the chart of {found.symbol} is empty from {start - _LOOK_BACK} on; Yahoo's silence is no evidence"
            )

    def _symbol(self, instrument: Instrument, capability: Capability) -> str:
        """Yahoo's symbol; Unsupported for another region's instrument, and for a venue without a suffix (Hanoi)."""
        suffix = self._config.codes.get(PROVIDER, {}).get(instrument.venue)
        if instrument.region != self._config.region or suffix is None:
            raise self._unsupported(capability, f"{instrument.region} and venue {instrument.venue}")
        try:
            return symbols.symbol(instrument.ticker, instrument.region, suffix)
        except ValueError as error:
            raise self._unsupported(capability, f"{instrument.region}: {error}") from error

    def _sweep(self, of: Sequence[listings.Exchange], refusals: chart.Refusals) -> list[listings.Line]:
        """The screener's pages, until all lines the region needs are there."""
        wanted, least = self._needed()
        is_eligible = listings.eligible(self._config)
        condition = listings.query(of)
        quotes: dict[str, Any] = {}
        lines: list[listings.Line] = []
        shown, total = 0, 0
        for _ in range(_MOST_PAGES):
            page = self._wire.screen(condition, shown, capability=Capability.UNIVERSE, on_attempt=self._on_attempt)
            rows = page.get("quotes")
            rows = rows if isinstance(rows, list) else []
            counted = page.get("total")
            total = counted if isinstance(counted, int) else total
            shown += len(rows)
            for row in rows:
                name = str(row.get("symbol")) if isinstance(row, dict) else ""
                read = None if name in quotes else listings.line(row, self._config, refusals)
                if read is not None:
                    # A line may change its place between two pages and come twice: the first is kept.
                    quotes[name] = read
                    lines.append(read)
            smallest = next((one.value for one in reversed(lines) if one.value is not None), math.inf)
            if not rows or shown >= total or sum(map(is_eligible, lines)) >= wanted or smallest < least:
                break
        if not lines or (shown < total and not rows):
            raise Unavailable(f"{PROVIDER}: the screener shows {shown} lines of {self._config.region}, where it counts {total}")
        return lines

    def _needed(self) -> tuple[float, float]:
        """How many eligible lines the region's rule looks at, and down to which value; all of them where codes may clash."""
        rule = self._config.universe
        if listings.swept_whole(self._config):
            return math.inf, 0.0
        most = math.inf if rule.top is None else math.ceil(rule.top * (1 + rule.buffer))
        return most, rule.min_value or 0.0

    def _single(self, tickers: Sequence[str], refusals: chart.Refusals) -> list[listings.Line]:
        """The lines of `tickers` that the sweep did not reach: each on the first venue that knows it."""
        asked = listings.candidates(tickers, self._config)
        found: dict[str, listings.Line] = {}
        for first in range(0, len(asked), QUOTES):
            part = asked[first : first + QUOTES]
            for quote in self._wire.quotes(part, capability=Capability.UNIVERSE, on_attempt=self._on_attempt):
                read = listings.line(quote, self._config, refusals)
                if read is not None and read.symbol in part:
                    found[read.symbol] = read
        by_code: dict[str, listings.Line] = {}
        for name in asked:
            if name in found:
                by_code.setdefault(found[name].code, found[name])
        return list(by_code.values())


def open_adapter(config: RegionConfig, *, on_attempt: Callable[[Attempt], None] | None = None) -> YfinanceAdapter:
    """A Yahoo adapter as settings and the environment describe it; it needs no key.

    With SPOCK_SANDBOX_URL the sandbox is asked in Yahoo's place, and the limits are kept as long as it enforces some.
    Unavailable where the sandbox can't be reached.
    """
    limits = tuple(Limit(limit.requests, limit.seconds) for limit in config.providers[PROVIDER].limits)
    sandbox = settings.sandbox_url()
    if sandbox is not None and not fetch_info(sandbox).enforce:
        limits = ()
    return YfinanceAdapter(config, state_dir=settings.state_dir(), origin=sandbox, limits=limits, on_attempt=on_attempt)
