"""What the silence of a provider is taken for: units asked through a real chain of adapters that answer from a table."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl
import pytest

from adapters.base import BARS, REFUSED, History, Instrument, Listing, MarketAdapter
from adapters.factory import Chain
from pipeline import calendars
from pipeline.collect.fetch import Collector
from pipeline.collect.spool import Fetched, Unit
from pipeline.errors import Unavailable

SESSIONS = calendars.calendar("XKRX").sessions(dt.date(2026, 11, 2), dt.date(2026, 11, 20))


@dataclass
class Table(MarketAdapter):
    """An adapter whose answers are the dates it knows of each ticker."""

    rows: dict[str, Sequence[dt.date]]
    exhausted: bool = True
    ended: dict[str, dt.date] = field(default_factory=dict)
    away_until: dt.datetime | None = None
    away_for: frozenset[str] = frozenset()
    asked: list[tuple[str, dt.date, dt.date]] = field(default_factory=list)
    provider = "table"

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        self.asked.append((instrument.ticker, start, end))
        if instrument.ticker in self.away_for:
            raise Unavailable("table: away", self.away_until)
        days = [day for day in self.rows[instrument.ticker] if start <= day <= end]
        bars = [
            ("KR", instrument.ticker, day, 10.0, 11.0, 9.0, 10.0, 5, None, "KRW", "table", "raw", None) for day in days
        ]
        return History(pl.DataFrame(bars, BARS, orient="row"), pl.DataFrame(schema=REFUSED), self.exhausted, 1)

    def listing(self, instrument: Instrument) -> Listing:
        return Listing(instrument.ticker, None, self.ended.get(instrument.ticker), None, "table")


def collected(
    table: Table, patience: float = 5.0, *, known_before: bool = True, listed_from: dt.date | None = None
) -> tuple[dict[str, Fetched], Collector]:
    chains = [Chain("KR", capability, {"table": table}, []) for capability in ("history", "listing")]
    collector = Collector(
        *chains,
        "KR",
        calendar=lambda _, start, end: calendars.calendar("XKRX").sessions(start, end),
        workers=1,
        patience_seconds=patience,
    )
    units = [Unit(ticker, "XKRX", "KRW", SESSIONS[0], SESSIONS[-1], known_before, listed_from) for ticker in table.rows]
    return {answer.unit.ticker: answer for answer in collector.collect(units)}, collector


def states(answer: Fetched) -> dict[dt.date, str]:
    return {silence.date: silence.state for silence in answer.silences}


def test_a_hole_inside_a_listing_is_asked_once_more_and_then_untraded() -> None:
    table = Table({"A": [day for day in SESSIONS if day != SESSIONS[3]], "B": SESSIONS})

    answers, _ = collected(table)

    assert states(answers["A"]) == {SESSIONS[3]: "no_trade"}
    assert [asked for asked in table.asked if asked[0] == "A"][1:] == [("A", SESSIONS[3], SESSIONS[3])]


def test_the_silence_of_a_walk_that_ended_early_is_a_gap() -> None:
    table = Table({"A": SESSIONS[-3:]}, exhausted=False)

    answers, _ = collected(table)

    assert states(answers["A"]) == dict.fromkeys(SESSIONS[:-3], "gap")


def test_a_listing_begins_with_its_first_row_where_the_list_does_not_know_better() -> None:
    table = Table({"A": SESSIONS[5:]})

    answers, _ = collected(table, known_before=False)

    assert (answers["A"].first_session, states(answers["A"])) == (SESSIONS[5], {})


def test_an_empty_older_page_is_no_beginning_of_a_listing_that_the_list_knows_from_before() -> None:
    table = Table({"A": SESSIONS[5:]})

    answers, _ = collected(table, known_before=False, listed_from=dt.date(1975, 6, 11))

    assert answers["A"].first_session is None
    assert states(answers["A"]) == dict.fromkeys(SESSIONS[:5], "gap")


def test_silence_at_the_end_is_a_gap_unless_the_list_ends_the_listing() -> None:
    table = Table({"A": SESSIONS[:-2], "B": SESSIONS[:-2], "C": SESSIONS}, ended={"B": SESSIONS[-3]})

    answers, _ = collected(table)

    assert states(answers["A"]) == dict.fromkeys(SESSIONS[-2:], "gap")
    assert (states(answers["B"]), answers["B"].last_session) == ({}, SESSIONS[-3])
    assert answers["A"].last_session is None


def test_a_session_nobody_has_puts_the_calendar_in_doubt_and_is_not_asked_for_ever() -> None:
    table = Table({f"{number:06d}": SESSIONS[:-1] for number in range(12)})

    answers, collector = collected(table)

    assert {state for answer in answers.values() for state in states(answer).values()} == {"gap"}
    assert [day for _, day in collector.doubts] == [SESSIONS[-1]]
    assert len(table.asked) < 2 * len(answers)


def test_a_provider_away_for_hours_is_not_waited_for() -> None:
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=6)
    table = Table({"A": SESSIONS, "B": SESSIONS}, away_until=later, away_for=frozenset({"B"}))
    began = time.monotonic()

    answers, collector = collected(table, patience=1.0)

    assert list(answers) == ["A"]
    assert [failed.ticker for failed in collector.failures] == ["B"]
    assert time.monotonic() - began < 30


def test_a_provider_back_within_patience_is_asked_again() -> None:
    table = Table({"A": SESSIONS}, away_until=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.3), away_for=frozenset({"A"}))

    def back(*_: object) -> None:
        table.away_for = frozenset()

    original = time.sleep
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.collect.fetch.time.sleep", lambda seconds: (original(seconds), back()))
        answers, collector = collected(table)

    assert (list(answers), collector.failures) == (["A"], [])


class Complaining(Table):
    """A provider that refuses every question, slowly, and never says when to come back."""

    def history(self, instrument: Instrument, start: dt.date, end: dt.date) -> History:
        self.asked.append((instrument.ticker, start, end))
        time.sleep(0.05)
        raise Unavailable("table: too fast")


def test_a_provider_that_refuses_everything_is_not_asked_about_every_ticker() -> None:
    table = Complaining({f"T{number}": SESSIONS for number in range(100)})
    answers, collector = collected(table, patience=0.3)
    assert answers == {}
    assert len(collector.failures) == 100
    # At 50 ms a question, patience ends after six; the rest of the hundred is not asked.
    assert len(table.asked) < 20
