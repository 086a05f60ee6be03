"""The store for Python: questions to the newest replica, answered as polars frames.

    import pipeline

    with pipeline.open("/srv/spock") as market:
        bars = market.bars("KR", "005930", "2026-01-01")

A running night is never in the way, nor is it held up: readers have the replica, and see a newer one with their next
question. Regions are codes or aliases in any case (`KR`, `usa`); tickers are local codes (`005930`, `BRK.B`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipeline import queries, settings
from pipeline.clock import parse_day
from pipeline.errors import UsageError
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import rows, translated

if TYPE_CHECKING:
    import polars as pl

Day = dt.date | str


class Market:
    """One home's newest replica. Safe for many threads: every question has a connection of its own.

    Errors of every question: `NoReplica` where nothing was published yet; `UsageError` for a region, ticker, day or query that
    can't be taken; `StoreError` for a file that can't be read.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def bars(
        self,
        region: str,
        ticker: str | Sequence[str] | None = None,
        start: Day | None = None,
        end: Day | None = None,
        adjusted: bool = True,
    ) -> pl.DataFrame:
        """Daily bars of one ticker, of several, or (None) of all of a region, `start` to `end`, both included.

        Columns: region, ticker, date (the venue's session date), open, high, low, close (Float64, `currency`, major unit),
        volume (Int64, shares), amount (Float64, traded value in `currency`, null where the provider gives none), currency,
        provider, finality (`final`, `provisional`), known_at (UTC), run_id; sorted by ticker and date. `adjusted` prices and
        volumes are share-count adjusted to today; without it they are as stored, and `basis` and `adjusted_through` say
        whether the provider had adjusted them.
        """
        code, tickers = settings.resolve_region(region), _tickers(ticker)
        first, last = _day("start", start, dt.date.min), _day("end", end, dt.date.max)
        if first > last:
            raise UsageError(f"bars from {start} to {end}: the range ends before it starts")
        if tickers is not None:
            self._require_known(code, tickers)
        wanted = {"region": code, "tickers": tickers, "first": first, "last": last}
        return self._frame("market/adjusted_bars" if adjusted else "market/bars", wanted)

    def latest(self, region: str) -> pl.DataFrame:
        """Adjusted bars of the region's last complete session, one row a ticker, with name and indicators.

        Columns: region, ticker, name, date, open, high, low, close, volume, amount, currency, the thirteen indicators of
        `pipeline.indicators.compute`, provider, finality, known_at (UTC). Empty before the region's first complete session.
        """
        return self._frame("market/latest", {"region": settings.resolve_region(region)})

    def universe(self, region: str, *, listed: bool = False) -> pl.DataFrame:
        """The listings of a region that are followed, or with `listed` all that providers' lists show.

        Columns: region, ticker, venue (MIC), name, local_name, security_type, currency, isin, lot (Int64, shares),
        listed_from, listed_until, shares (Int64), value (Float64, market value in `currency` when last seen), sector_code,
        followed, provider, seen_at (UTC). It lists the living: not a universe for studies of the past.
        """
        return self._frame("market/universe", {"region": settings.resolve_region(region), "listed": listed})

    def sql(self, query: str, **params: Any) -> pl.DataFrame:
        """The answer of SQL text, or of a named query of `spock sql --list`; `params` are its $names.

        One statement; the columns are the query's own. Tables and views: docs/TABLES.md.
        """
        text = queries.text(query)
        with closing(self._open()) as connection, translated(self.home):
            return queries.frame(connection, text, params)

    @property
    def as_of(self) -> dt.datetime:
        """When the replica's newest run saw the world (aware, UTC): nothing that was known later is in it."""
        with closing(self._open()) as connection, translated(self.home):
            found: dt.datetime = rows(connection, "market/replica")[0][0]
        return found.astimezone(dt.UTC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing is held between questions."""

    def _open(self) -> Any:
        return Store(self.home).read()

    def _frame(self, name: str, wanted: dict[str, Any]) -> pl.DataFrame:
        with closing(self._open()) as connection, translated(self.home):
            found: pl.DataFrame = connection.sql(statement(name), params=wanted).pl()
        return found

    def _require_known(self, region: str, tickers: list[str]) -> None:
        with closing(self._open()) as connection, translated(self.home):
            known = {ticker for (ticker,) in rows(connection, "market/known_tickers", region=region, tickers=tickers)}
        unknown = [ticker for ticker in tickers if ticker not in known]
        if unknown:
            names = ", ".join(map(repr, unknown))
            raise UsageError(f"{region} has no ticker {names}: `spock ticker find TEXT --region {region}` looks for one")


def _tickers(asked: str | Sequence[str] | None) -> list[str] | None:
    if asked is None:
        return None
    tickers = [asked] if isinstance(asked, str | int) else list(asked)
    odd = [ticker for ticker in tickers if not isinstance(ticker, str)]
    if odd:
        raise UsageError(f"ticker {odd[0]!r} is no text: write it as its venue does, such as '005930'")
    return [ticker.upper() for ticker in tickers]


def _day(name: str, given: Day | None, otherwise: dt.date) -> dt.date:
    if given is None:
        return otherwise
    if isinstance(given, dt.datetime):
        raise UsageError(f"{name} {given!r}: give a day (datetime.date or YYYY-MM-DD); sessions are days of their venue")
    return given if isinstance(given, dt.date) else parse_day(given, name)
