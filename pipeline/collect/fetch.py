"""Asking providers: many units at once, each until every session it was asked for is answered or explained.

A session without a row is asked for once more. If it stays silent inside a listing it is taken for untraded; at the end
of a listing the provider's own list decides between delisted and a gap. Nothing is assumed of a session that no ticker of
its calendar has: then the calendar or the provider is wrong, and every cell stays a gap.

A provider that gives any range in one answer has no page to lose: when second questions about such answers have brought
nothing a number of times, holes inside a listing are believed at once.
"""

from __future__ import annotations

import datetime as dt
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl

from adapters.base import History, Instrument, Listing, MarketAdapter
from adapters.factory import Chain
from pipeline.collect.spool import Failed, Fetched, Silence, Unit
from pipeline.doubts import DOUBT_AFTER, Doubts, Session
from pipeline.errors import NotYet, ProviderError, Unavailable, Unsupported
from pipeline.frames import ACTIONS, BARS, CASH_KINDS, REFUSED

#: More rows than any provider that pages gives in one answer: one page that holds more is a whole range.
_LARGEST_PAGE = 100
#: So many second questions in a row that brought nothing: such a provider's first answers are believed.
_BELIEVED_AFTER = 20
_LONGEST_PAUSE = 5.0
_BELIEVED = ("inferred: no row inside the listing; the provider gives ranges whole, and second questions brought nothing", 1)


class _Asked:
    """What the provider's list says about one unit's listing, asked at most once."""

    def __init__(self, ask: Callable[..., Listing | None], unit: Unit) -> None:
        self._ask = ask
        self._unit = unit
        self._answers: list[Listing | None] = []

    def answer(self, *, in_doubt: bool) -> Listing | None:
        """The listing; None where there is no evidence."""
        if not self._answers:
            self._answers.append(self._ask(self._unit, in_doubt=in_doubt))
        return self._answers[0]


class Collector:
    """Asks for units with `workers` threads; yields answers as they come.

    `calendar` gives the sessions of a venue between two dates; `calendars` names the calendar of each venue, so that a
    session is doubted where it is one (None: all venues have the same). `patience_seconds`: how long to go on while nobody
    answers at all; no wait is begun that would end later. `say` hears of waits. `failures` holds the units that stayed
    without an answer once `collect()` has ended.
    """

    def __init__(
        self,
        history: Chain,
        listing: Chain,
        region: str,
        *,
        calendar: Callable[[str, dt.date, dt.date], Sequence[dt.date]],
        workers: int,
        patience_seconds: float,
        calendars: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._history = history
        self._listing = listing
        self._region = region
        self._calendar = calendar
        self._workers = workers
        self._patience = patience_seconds
        self._say = say
        self._doubts = Doubts(calendars or {})
        self._second: dict[str, Chain] = {}
        self._guard = threading.Lock()
        self._in_vain: Counter[str] = Counter()
        self._listed_in_doubt = 0
        self._ended_in_doubt = 0
        self._last_answer = time.monotonic()
        self.failures: list[Failed] = []

    @property
    def requests(self) -> dict[str, int]:
        """Requests sent so far, by provider."""
        chains = [self._history, self._listing, *self._second.values()]
        return dict(sum((Counter(chain.requests) for chain in chains), Counter[str]()))

    @property
    def doubts(self) -> list[Session]:
        """Sessions (calendar, date) of which no ticker has a row although several should, and no list ends their listings."""
        return self._doubts.suspected

    def collect(self, units: Sequence[Unit]) -> Iterator[Fetched]:
        """Answers in the order they come. A unit is asked again while its provider is away, until patience ends."""
        left = list(units)
        self._last_answer = time.monotonic()
        second_chance = True
        parts: dict[str, History] = {}
        while left:
            failed: list[tuple[Unit, ProviderError]] = []
            answered = 0
            for unit, outcome in self._pass(left):
                if isinstance(outcome, Fetched):
                    answered += 1
                    yield outcome
                else:
                    failed.append((unit, outcome))
                    came = outcome.partial if isinstance(outcome, Unavailable) else None
                    if isinstance(came, History) and came.pages >= parts.get(unit.ticker, came).pages:
                        parts[unit.ticker] = came
            left = [unit for unit, _ in failed]
            pause = _pause(failed)
            gone = time.monotonic() - self._last_answer
            away = pause is not None and gone + pause <= self._patience
            if left and not away and not (second_chance and answered and pause is None):
                self.failures = [Failed(unit.ticker, str(error), _retry_at(error)) for unit, error in failed]
                yield from self._in_part(failed, parts)
                return
            second_chance = away
            if left and away and pause:
                self._say(f"waiting {pause:.0f} s for {len(left)} tickers: {failed[0][1]}")
                time.sleep(pause)

    def _pass(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, Fetched | ProviderError]]:
        """Ask each unit once; after the first that says 'come back later', the rest get the same answer unasked."""
        waiting: queue.SimpleQueue[Unit] = queue.SimpleQueue()
        for unit in units:
            waiting.put(unit)
        done: queue.SimpleQueue[tuple[Unit, Fetched | ProviderError | BaseException]] = queue.SimpleQueue()
        away: list[Unavailable | NotYet] = []
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                try:
                    unit = waiting.get_nowait()
                except queue.Empty:
                    return
                if away:
                    done.put((unit, Unavailable(str(away[0]), away[0].retry_at)))
                    continue
                try:
                    done.put((unit, self._fetch(unit)))
                    self._last_answer = time.monotonic()
                except (Unavailable, NotYet) as error:
                    # Nobody has answered for as long as anybody waits, however slowly each of them is refused.
                    if error.retry_at is not None or time.monotonic() - self._last_answer > self._patience:
                        away.append(error)
                    done.put((unit, error))
                except ProviderError as error:
                    done.put((unit, error))
                except BaseException as error:  # a defect of ours: the caller's thread raises it
                    done.put((unit, error))
                    return

        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self._workers, len(units)))]
        for thread in threads:
            thread.start()
        try:
            for _ in units:
                unit, outcome = done.get()
                if not isinstance(outcome, Fetched | ProviderError):
                    raise outcome
                yield unit, outcome
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _fetch(self, unit: Unit) -> Fetched:
        began = time.monotonic()
        instrument = self._instrument(unit)
        served = self._history.call(lambda adapter: adapter.history(instrument, unit.start, unit.end))
        answer, provider = served.value, served.provider
        asked = self._calendar(unit.venue, unit.start, unit.end)
        dates = _dates(answer)
        listing = _Asked(self._ask_listing, unit)
        first = _beginning(unit, answer, asked, dates, unit.listed_from)
        if first is not None and unit.listed_from is None:
            # A list without dates can't contradict an older page that came empty by mistake; the listing itself may.
            known = listing.answer(in_doubt=False)
            first = _beginning(unit, answer, asked, dates, known.listed_from if known is not None else None)
        missing = [day for day in asked if day not in dates and (first is None or day >= first)]
        self._doubts.count(unit.venue, dates, missing)
        pages = answer.pages
        bars, refused, actions = answer.bars, answer.refused, answer.actions
        walked, older = answer.exhausted, answer.older
        again = [day for day in missing if not self._doubts.has(unit.venue, day)]
        believed = bool(again) and self._is_believed(provider, answer, again, dates)
        if again and not believed:
            try:
                second = self._alone(provider).call(lambda adapter: adapter.history(instrument, again[0], again[-1])).value
            except Unavailable as error:
                error.partial = answer
                raise
            pages += second.pages
            bars, refused, actions = _merged(answer, second, set(again))
            self._heard(provider, answer, brought=not _dates(second).isdisjoint(again))
            dates |= _dates(second)
            missing = [day for day in missing if day not in dates]
            walked, older = second.exhausted, older or second.older
        silences, last_session, evidence = self._explain(
            unit, listing, missing, dates, set(again), walked=walked, older=older, believed=believed
        )
        if first is not None and not evidence:
            evidence = f"first row {first}, nothing older from {unit.start}"
        return Fetched(
            unit=unit,
            provider=provider,
            bars=bars,
            refused=refused,
            silences=silences,
            first_session=first,
            last_session=last_session,
            evidence=evidence or "rows",
            pages=pages,
            walked=walked,
            actions=actions,
            seconds=time.monotonic() - began,
        )

    def _in_part(
        self, failed: Sequence[tuple[Unit, ProviderError]], parts: Mapping[str, History]
    ) -> Iterator[Fetched]:
        """What came of units before their provider stopped answering: rows are rows, the rest of the range stays a gap."""
        for unit, error in failed:
            partial = parts.get(unit.ticker)
            if partial is None:
                continue
            dates = _dates(partial)
            reason = f"the provider stopped answering: {error}"
            asked = self._calendar(unit.venue, unit.start, unit.end)
            yield Fetched(
                unit=unit,
                provider=partial.bars["provider"][0],
                bars=partial.bars,
                refused=partial.refused,
                silences=tuple(Silence(day, "gap", reason, 1) for day in asked if day not in dates),
                first_session=None,
                last_session=None,
                evidence="rows",
                pages=partial.pages,
                walked=False,
                actions=partial.actions,
            )

    def _explain(
        self,
        unit: Unit,
        listing: _Asked,
        missing: list[dt.date],
        dates: set[dt.date],
        asked_twice: set[dt.date],
        *,
        walked: bool,
        older: bool,
        believed: bool,
    ) -> tuple[tuple[Silence, ...], dt.date | None, str]:
        """What the silent sessions mean; the last session where the provider's list says that the listing ended."""
        if not walked:
            # The provider did not walk the range to its end: its silence says nothing.
            return tuple(Silence(day, "gap", "the answer ended before its range did", 1) for day in missing), None, ""
        oldest, newest = min(dates, default=dt.date.max), max(dates, default=dt.date.min)
        if older and dates:
            oldest = dt.date.min  # the listing has rows from before the range: its silence at the start is one between rows
        how = _BELIEVED if believed else ("inferred: no row inside the listing, asked twice", 2)
        silences = [
            Silence(day, "no_trade", *how)
            for day in missing
            if oldest < day < newest and day in asked_twice
        ]
        # Before the first row an older page may have come empty: only between rows does silence say something.
        silences += [Silence(day, "gap", f"no row before {oldest}", 2) for day in missing if day < oldest <= newest]
        open_days = [day for day in missing if day > newest or (day > oldest and day not in asked_twice)]
        if not open_days:
            return tuple(silences), None, ""
        known = listing.answer(in_doubt=all(self._doubts.has(unit.venue, day) for day in open_days))
        ended = known.listed_until if known is not None else None
        for day in open_days:
            if ended is not None and day > ended:
                continue  # outside the listing's range: not expected at all
            silences.append(self._gap(unit, day, day in asked_twice))
        if known is not None and ended is not None and ended < open_days[-1]:
            return tuple(silences), ended, f"{known.provider}: listed until {ended}"
        return tuple(silences), None, ""

    def _gap(self, unit: Unit, day: dt.date, asked_twice: bool) -> Silence:
        if self._doubts.has(unit.venue, day):
            self._doubts.suspect(unit.venue, day)
            return Silence(day, "gap", "calendar_suspect: no ticker has a row for this session", 1 + asked_twice)
        return Silence(day, "gap", "no row, asked twice", 2)

    def _ask_listing(self, unit: Unit, *, in_doubt: bool) -> Listing | None:
        """The provider's list on one ticker; not asked for ever about sessions that nobody has and no list explains."""
        with self._guard:
            if in_doubt and self._listed_in_doubt >= DOUBT_AFTER and not self._ended_in_doubt:
                return None

        def ask(adapter: MarketAdapter) -> Listing:
            return adapter.listing(self._instrument(unit))

        try:
            listing = self._listing.call(ask).value
        except (Unsupported, Unavailable, NotYet):
            return None  # no evidence: the cells stay gaps, which the coverage shows
        if in_doubt:
            with self._guard:
                self._ended_in_doubt += listing.listed_until is not None
                self._listed_in_doubt += listing.listed_until is None
        return listing

    def _alone(self, provider: str) -> Chain:
        """The chain to `provider` alone: rows of two providers, perhaps of two bases, are never one answer."""
        if self._history.providers == (provider,):
            return self._history
        with self._guard:
            if provider not in self._second:
                self._second[provider] = self._history.only(provider)
            return self._second[provider]

    def _instrument(self, unit: Unit) -> Instrument:
        return Instrument(self._region, unit.ticker, unit.venue, unit.currency)

    def _is_believed(self, provider: str, answer: History, missing: Sequence[dt.date], dates: set[dt.date]) -> bool:
        """Whether these holes need no second question: a whole range in one answer, from one that is never unsure of it."""
        inside = _is_whole(answer) and all(min(dates) < day < max(dates) for day in missing)
        return inside and self._in_vain[provider] >= _BELIEVED_AFTER

    def _heard(self, provider: str, answer: History, *, brought: bool) -> None:
        """Count a second question about a whole answer that brought nothing; one that did begins the count anew."""
        if _is_whole(answer):
            with self._guard:
                self._in_vain[provider] = 0 if brought else self._in_vain[provider] + 1


def _dates(answer: History) -> set[dt.date]:
    refused = answer.refused["date"].drop_nulls().to_list()
    return set(answer.bars["date"].to_list()) | set(refused)


def _beginning(
    unit: Unit, answer: History, asked: Sequence[dt.date], dates: set[dt.date], listed_from: dt.date | None
) -> dt.date | None:
    """The listing's first session where the answer shows it: sessions before the first row, and nothing older to page to."""
    if unit.known_before or answer.older or not answer.exhausted or not asked:
        return None
    first = min(dates, default=None)
    if first is not None and (listed_from is None or listed_from >= first):
        return first if first > asked[0] else None
    # The provider's list knows it earlier than the answer does (or there was none): an empty page is no proof.
    if listed_from is not None and listed_from > asked[0]:
        return listed_from
    return None


def _is_whole(answer: History) -> bool:
    """Whether the provider gave a range that no page holds in one answer."""
    return answer.pages == 1 and answer.exhausted and answer.bars.height > _LARGEST_PAGE


def _merged(
    first: History, second: History, wanted: set[dt.date]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows of both answers; of the second's bars only the sessions that were missing, the others came already.

    Of the second's corporate actions only those of ex-dates and sorts (share counts, cash) that the first tells nothing of:
    what it tells of the others are the same events once more.
    """
    days = list(wanted)
    bars = pl.concat([first.bars, second.bars.filter(pl.col("date").is_in(days))]).sort("date", maintain_order=True)
    refused = pl.concat([first.refused, second.refused])
    sort = pl.col("kind").is_in(CASH_KINDS)
    known = first.actions.select("ex_date", sort=sort)
    more = second.actions.with_columns(sort=sort).join(known, on=["ex_date", "sort"], how="anti", maintain_order="left")
    told = pl.concat([first.actions, more.select(ACTIONS.names())])
    return bars.select(BARS.names()), refused.select(REFUSED.names()), told


def _pause(failed: list[tuple[Unit, ProviderError]]) -> float | None:
    """Seconds until the earliest provider is worth another question; None where nobody named a time."""
    times = [retry_at for _, error in failed if (retry_at := _retry_at(error)) is not None]
    if not times:
        return None
    wait = (min(times) - dt.datetime.now(dt.UTC)).total_seconds()
    return min(max(wait, 0.05), _LONGEST_PAUSE) if wait < _LONGEST_PAUSE else wait


def _retry_at(error: ProviderError) -> dt.datetime | None:
    """When the provider can be asked again, where it named a time."""
    return error.retry_at if isinstance(error, Unavailable | NotYet) else None
