"""One run's questions for bars: every unit of its plan through the region's chain, and what its series can't mix, once more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from adapters import factory
from pipeline import calendars
from pipeline.collect.basis import Bases
from pipeline.collect.fetch import Collector
from pipeline.collect.spool import Failed
from pipeline.errors import Unavailable

if TYPE_CHECKING:
    from adapters.factory import Chain
    from pipeline.attempts import AttemptLog
    from pipeline.collect.plan import Plan
    from pipeline.collect.spool import Fetched, Unit
    from pipeline.settings import RegionConfig
    from pipeline.store import Store


class Inquiry:
    """Asks for the units of `plan`.

    Once `answers()` has ended, `failures` holds the tickers nobody answered for, `doubts` the sessions no ticker of a calendar
    has a row for (calendar, date), and `notes` what a report must say.
    """

    def __init__(
        self, config: RegionConfig, plan: Plan, store: Store, log: AttemptLog, say: Callable[[str], None]
    ) -> None:
        self._config = config
        self._plan = plan
        self._store = store
        self._log = log
        self._say = say
        self.failures: list[Failed] = []
        self.doubts: list[tuple[str, dt.date]] = []
        self.notes: list[str] = []

    def answers(self) -> Generator[Fetched, None, None]:
        """Answers in the order they come, each in the one basis of its series.

        `Unavailable` where units are to be asked for and no provider can be asked at all.
        """
        history = factory.chain(self._config.region, "history", on_attempt=self._log)
        if self._plan.units and not history.providers:
            raise Unavailable(
                f"{self._config.region}: no provider can be asked for history: {'; '.join(history.skipped)}. "
                "Put keys into .env (see .env.example), or set SPOCK_SANDBOX_URL to try the sandbox"
            )
        bases = Bases(self._store, self._plan)
        collector = self._collector(history)
        for answer in collector.collect(self._plan.units):
            settled = bases.settled(answer)
            if settled is not None:
                yield settled
        self._keep(collector)
        for provider, units in bases.again.items():
            self.notes.append(
                f"{provider} answered for {len(units)} tickers in another basis than what is stored, so their whole range is "
                f"asked from it: {', '.join(unit.ticker for unit in units[:3])}{' …' if len(units) > 3 else ''}"
            )
            yield from self._whole(history.only(provider), units)

    def _whole(self, history: Chain, units: list[Unit]) -> Iterator[Fetched]:
        """Answers for whole ranges: one that came in part would stand beside bars of another basis, so it is a failure."""
        collector = self._collector(history)
        in_part = []
        for answer in collector.collect(units):
            if answer.walked:
                yield answer
            else:
                in_part.append(answer.unit.ticker)
        self._keep(collector)
        told = {failed.ticker for failed in self.failures}
        self.failures += [
            Failed(ticker, "its whole range was asked for to take the place of bars of another basis, and came in part")
            for ticker in in_part
            if ticker not in told
        ]

    def _collector(self, history: Chain) -> Collector:
        return Collector(
            history,
            factory.chain(self._config.region, "listing", on_attempt=self._log),
            self._config.region,
            calendar=self._sessions_of,
            calendars={venue.mic: venue.calendar for venue in self._config.venues},
            workers=self._config.transport.workers,
            patience_seconds=self._config.collect.patience_seconds,
            say=self._say,
        )

    def _keep(self, collector: Collector) -> None:
        self.failures += collector.failures
        self.doubts += [doubt for doubt in collector.doubts if doubt not in self.doubts]

    def _sessions_of(self, venue: str, start: dt.date, end: dt.date) -> list[dt.date]:
        calendar = next(one.calendar for one in self._config.venues if one.mic == venue)
        return calendars.calendar(calendar).sessions(start, end)
