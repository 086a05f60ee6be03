"""A run succeeds by its cells: what settles as a gap, and what a night needs to be complete."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from adapters.base import INSTRUMENTS
from pipeline import coverage, universe
from pipeline.quality import SESSIONS
from pipeline.store import SESSION_STATES, STORED_BARS, Batch, Store, commit_batch

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DAYS = [dt.date(2026, 11, day) for day in (16, 17, 18, 19, 20)]
RUN = "KR-night-2026-11-20"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home")
    with store.write() as connection:
        listed = [listing(ticker) for ticker in ("A", "B", "C")]
        seen = pl.DataFrame(listed, schema={**INSTRUMENTS, "followed": pl.Boolean})
        universe.save(connection, seen, region="KR", origin="sandbox", today=DAYS[0], now=NOW, run_id=RUN)
    return store


def listing(ticker: str, venue: str = "XKRX") -> dict[str, object]:
    return {
        "region": "KR",
        "ticker": ticker,
        "venue": venue,
        "security_type": "common",
        "currency": "KRW",
        "listed_from": dt.date(2020, 1, 2),
        "provider": "kis",
        "followed": True,
    }


def commit(store: Store, cells: dict[str, list[dt.date]], untraded: dict[str, list[dt.date]] | None = None) -> None:
    bars = [
        ("KR", ticker, "D", day, 10.0, 11.0, 9.0, 10.0, 5, None, "KRW", "kis", "raw", None, "final", NOW, RUN)
        for ticker, days in cells.items()
        for day in days
    ]
    states = [
        ("KR", ticker, day, "no_trade", "inferred: no row inside the listing, asked twice", None, 2, "kis", NOW, RUN)
        for ticker, days in (untraded or {}).items()
        for day in days
    ]
    batch = Batch(
        batch_id=f"{RUN}.1.{len(bars)}",
        run_id=RUN,
        region="KR",
        origin="sandbox",
        committed_at=NOW,
        bars=pl.DataFrame(bars, STORED_BARS, orient="row"),
        inferred=pl.DataFrame(states, SESSION_STATES, orient="row"),
    )
    with store.write() as connection:
        commit_batch(connection, batch)


def settle(store: Store, *tickers: str) -> coverage.Coverage:
    cells = [(venue, day, NOW, "final") for venue in ("XKRX", "XKOS") for day in DAYS]
    sessions = pl.DataFrame(cells, SESSIONS, orient="row")
    reasons = pl.DataFrame(schema={"ticker": pl.String, "reason": pl.String})
    with store.write() as connection:
        return coverage.settle(
            connection,
            region="KR",
            run_id=RUN,
            provider="kis",
            sessions=sessions,
            tickers=pl.DataFrame({"ticker": tickers or ("A", "B", "C")}),
            reasons=reasons,
            threshold=0.99,
            follows=DAYS[0] - dt.timedelta(days=3),
            now=NOW,
        )


def last_complete(store: Store) -> dt.date | None:
    found: dt.date | None = store.look(
        lambda connection: connection.execute("SELECT last_complete_session FROM region_state").fetchall()[0][0]
    )
    return found


def test_every_cell_with_a_bar_is_complete(store: Store) -> None:
    commit(store, dict.fromkeys("ABC", DAYS))

    counted = settle(store)

    assert (counted.sessions, counted.tickers, counted.listed, counted.ok, counted.gap) == (5, 3, 15, 15, 0)
    assert (counted.ratio, counted.newest, last_complete(store)) == (1.0, 1.0, DAYS[-1])


def test_a_missing_cell_is_a_gap_and_the_region_stops_before_it(store: Store) -> None:
    commit(store, {"A": DAYS, "B": DAYS, "C": [day for day in DAYS if day != DAYS[2]]})

    counted = settle(store)

    assert (counted.gap, counted.ratio, counted.newest) == (1, 1 - 1 / 15, 1.0)
    assert last_complete(store) == DAYS[1]


def test_the_newest_session_is_counted_alone_too(store: Store) -> None:
    commit(store, {"A": DAYS, "B": DAYS[:-1], "C": DAYS[:-1]})

    assert settle(store).newest == pytest.approx(1 / 3)


def test_untraded_by_silence_is_a_gap_where_nobody_has_a_bar(store: Store) -> None:
    days = [day for day in DAYS if day != DAYS[2]]
    commit(store, dict.fromkeys("ABC", days), untraded={"A": [DAYS[2]], "B": [DAYS[2]]})

    counted = settle(store)

    assert (counted.explained, counted.gap) == (0, 3)


def test_untraded_by_silence_holds_where_others_traded(store: Store) -> None:
    commit(store, {"A": [day for day in DAYS if day != DAYS[2]], "B": DAYS, "C": DAYS}, untraded={"A": [DAYS[2]]})

    counted = settle(store)

    assert (counted.explained, counted.gap, counted.ratio) == (1, 0, 1.0)


@pytest.mark.parametrize(("names", "gaps"), [(4, 0), (5, 5)])
def test_untraded_by_silence_is_a_gap_where_five_names_of_a_venue_are_silent_and_none_traded(
    store: Store, names: int, gaps: int
) -> None:
    """All of XKOS is silent on a day on which XKRX traded."""
    others = [f"K{number}" for number in range(names)]
    with store.write() as connection:
        listed = [listing(ticker) for ticker in "ABC"] + [listing(ticker, "XKOS") for ticker in others]
        seen = pl.DataFrame(listed, schema={**INSTRUMENTS, "followed": pl.Boolean})
        universe.save(connection, seen, region="KR", origin="sandbox", today=DAYS[0], now=NOW, run_id=RUN)
    rest = [day for day in DAYS if day != DAYS[2]]
    cells = dict.fromkeys("ABC", DAYS) | dict.fromkeys(others, rest)
    commit(store, cells, untraded={ticker: [DAYS[2]] for ticker in others})

    counted = settle(store, "A", "B", "C", *others)

    assert (counted.gap, counted.explained) == (gaps, names - gaps)


def test_nothing_expected_is_no_success(tmp_path: Path) -> None:
    assert settle(Store(tmp_path / "empty")).ratio == 0.0


def test_a_name_that_was_added_during_a_run_waits_for_the_next(store: Store) -> None:
    commit(store, {"A": DAYS, "B": DAYS})

    counted = settle(store, "A", "B")

    assert (counted.tickers, counted.listed, counted.gap, counted.ratio) == (2, 10, 0, 1.0)


def test_gaps_from_before_a_listing_began_go_when_its_beginning_is_known(store: Store) -> None:
    commit(store, {"A": DAYS, "B": DAYS})
    assert settle(store).gap == 5
    with store.write() as connection:
        connection.execute(
            "INSERT INTO listing_ranges VALUES ('KR', 'C', $from, $first, NULL, 'rows', 'kis', $now, 'run')",
            {"from": DAYS[0], "first": DAYS[3], "now": NOW},
        )

    assert settle(store).gap == 2
    left = store.look(lambda connection: connection.execute("SELECT ticker, date FROM session_states ORDER BY date").fetchall())
    assert left == [("C", DAYS[3]), ("C", DAYS[4])]
