"""What the collector does with answers of several calendars and of providers that give a range whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
import pytest

from adapters.base import ACTIONS, BARS, REFUSED, History, Instrument, Listing, MarketAdapter
from adapters.factory import Chain
from pipeline import calendars
from pipeline.collect.fetch import Collector
from pipeline.collect.spool import Fetched, Unit
from pipeline.errors import Unavailable

YEAR = calendars.calendar("XKRX").sessions(dt.date(2026, 1, 2), dt.date(2026, 11, 20))
MONTH = YEAR[-15:]
HOLE = YEAR[-5]


def split(ticker: str, ex_date: dt.date, factor: float = 0.2) -> tuple[object, ...]:
    return ("KR", ticker, ex_date, "split", 1 / factor, factor, 1 / factor, True, None, None, "confirmed", "test", "table")


@dataclass
class Table(MarketAdapter):
    """Answers with the dates it knows of each ticker, always the same unless `second` knows more, and with their splits.

    Every split is one of each of `factors`.
    """

    rows: dict[str, Sequence[dt.date]]
    second: dict[str, Sequence[dt.date]] = field(default_factory=dict)
    splits: dict[str, Sequence[dt.date]] = field(default_factory=dict)
    factors: tuple[float, ...] = (0.2,)
    pages: int = 1
    away_after: int = 1_000_000
    asked: list[tuple[str, dt.date, dt.date]] = field(default_factory=list)
    provider: str = "table"

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        if len(self.asked) >= self.away_after:
            raise Unavailable(f"{self.provider}: away")
        ticker = instrument.ticker
        known = self.second.get(ticker) if any(ticker == one for one, _, _ in self.asked) else None
        self.asked.append((ticker, start, end))
        days = [day for day in known or self.rows[ticker] if start <= day <= end]
        bars = [("KR", ticker, day, 10.0, 11.0, 9.0, 10.0, 5, None, "KRW", self.provider, "raw", None) for day in days]
        told = [day for day in self.splits.get(ticker, ()) if day in days]
        actions = [split(ticker, day, factor) for day in told for factor in self.factors]
        return History(
            pl.DataFrame(bars, BARS, orient="row"),
            REFUSED.to_frame(),
            exhausted=True,
            pages=self.pages,
            actions=pl.DataFrame(actions, ACTIONS, orient="row"),
        )

    def listing(self, instrument: Instrument) -> Listing:
        return Listing(instrument.ticker, None, None, None, self.provider)


def collect(
    *tables: Table,
    venues: dict[str, str] | None = None,
    calendars_of: dict[str, str] | None = None,
    start: dt.date = MONTH[0],
) -> tuple[dict[str, Fetched], Collector]:
    """Ask for all tickers of the first table, one after the other; `venues` by ticker."""
    adapters = {table.provider: table for table in tables}
    chains = [Chain("KR", capability, adapters, []) for capability in ("history", "listing")]
    collector = Collector(
        *chains,
        "KR",
        calendar=lambda _, first, end: calendars.calendar("XKRX").sessions(first, end),
        calendars=calendars_of,
        workers=1,
        patience_seconds=5.0,
    )
    units = [
        Unit(ticker, (venues or {}).get(ticker, "XKRX"), "KRW", start, YEAR[-1], known_before=True, listed_from=None)
        for ticker in tables[0].rows
    ]
    return {answer.unit.ticker: answer for answer in collector.collect(units)}, collector


def states(answer: Fetched) -> list[tuple[dt.date, str, int]]:
    return [(silence.date, silence.state, silence.asked) for silence in answer.silences]


NAMES = [f"{number:06d}" for number in range(30)]


def holed(days: Sequence[dt.date]) -> dict[str, Sequence[dt.date]]:
    """One ticker that has every session, so that none is in doubt, and thirty that lack the same one."""
    return {"ALL": days} | {name: [day for day in days if day != HOLE] for name in NAMES}


def test_a_session_is_doubted_by_the_tickers_of_its_own_calendar() -> None:
    """Twelve names of one calendar lack the last session; the twelve of the other have it."""
    venues = {name: "XPAR" if at < 12 else "XETR" for at, name in enumerate(NAMES[:24])}
    rows = {name: MONTH[:-1] if venue == "XPAR" else MONTH for name, venue in venues.items()}
    own = {"XPAR": "XPAR", "XETR": "XETR"}
    _, together = collect(Table(rows), venues=venues)
    answers, apart = collect(Table(rows), venues=venues, calendars_of=own)
    assert together.doubts == []
    assert apart.doubts == [("XPAR", MONTH[-1])]
    assert {silence.state for answer in answers.values() for silence in answer.silences} == {"gap"}


def test_venues_of_one_calendar_doubt_together() -> None:
    venues = {name: "XKRX" if at < 3 else "XKOS" for at, name in enumerate(NAMES[:6])}
    table = Table(dict.fromkeys(venues, MONTH[:-1]))
    _, collector = collect(table, venues=venues, calendars_of={"XKRX": "XKRX", "XKOS": "XKRX"})
    assert collector.doubts == [("XKRX", MONTH[-1])]


def test_a_provider_that_gives_ranges_whole_is_believed_after_twenty_questions_in_vain() -> None:
    table = Table(holed(YEAR))
    answers, _ = collect(table, start=YEAR[0])
    assert len(table.asked) == 1 + 30 + 20
    assert [states(answers[name]) for name in NAMES] == [[(HOLE, "no_trade", 2)]] * 20 + [[(HOLE, "no_trade", 1)]] * 10


@pytest.mark.parametrize(
    ("table", "start"),
    [
        pytest.param(Table(holed(YEAR), pages=3), YEAR[0], id="pages"),
        pytest.param(Table(holed(MONTH)), MONTH[0], id="the range of a page"),
        pytest.param(Table(holed(YEAR), second=dict.fromkeys(NAMES[::2], YEAR)), YEAR[0], id="second answers that bring rows"),
    ],
)
def test_every_hole_of_other_answers_is_asked_for_twice(table: Table, start: dt.date) -> None:
    collect(table, start=start)
    assert len(table.asked) == 1 + 2 * 30


def test_the_end_of_a_whole_answer_is_asked_for_twice_all_the_same() -> None:
    table = Table(holed(YEAR) | {"END": YEAR[:-1]})
    answers, _ = collect(table, start=YEAR[0])
    assert [asked for asked in table.asked if asked[0] == "END"][1:] == [("END", YEAR[-1], YEAR[-1])]
    assert states(answers["END"]) == [(YEAR[-1], "gap", 2)]


def test_actions_of_both_answers_are_kept_once_and_the_unit_says_how_long_it_took() -> None:
    table = Table(
        {"A": [day for day in MONTH if day not in MONTH[4:7]]},
        second={"A": MONTH},
        splits={"A": (MONTH[2], MONTH[5])},
    )
    answers, _ = collect(table)
    assert answers["A"].actions.equals(pl.DataFrame([split("A", MONTH[2]), split("A", MONTH[5])], ACTIONS, orient="row"))
    assert answers["A"].seconds > 0
    table = Table({"A": [day for day in MONTH if day != MONTH[5]]}, splits={"A": (MONTH[2],)}, second={"A": MONTH})
    assert collect(table)[0]["A"].actions.height == 1


def test_two_events_of_one_kind_on_one_day_are_both_kept_and_once() -> None:
    rows = {"A": [day for day in MONTH if day not in (MONTH[3], MONTH[6])]}
    table = Table(rows, second={"A": MONTH}, splits={"A": (MONTH[2], MONTH[5])}, factors=(0.2, 0.5))
    answers, _ = collect(table)
    both = [split("A", day, factor) for day in (MONTH[2], MONTH[5]) for factor in (0.2, 0.5)]
    assert answers["A"].actions.equals(pl.DataFrame(both, ACTIONS, orient="row"))


def test_a_second_question_goes_to_the_provider_of_the_first_answer() -> None:
    """The first of the chain is away when the hole is asked for: its rows are kept, and not mixed with another's."""
    rows = {"A": [day for day in MONTH if day != HOLE]}
    first, other = Table(rows, away_after=1, provider="first"), Table({"A": MONTH}, provider="other")
    answers, _ = collect(first, other)
    assert (answers["A"].provider, set(answers["A"].bars["provider"]), other.asked) == ("first", {"first"}, [])
    assert states(answers["A"]) == [(HOLE, "gap", 1)]
