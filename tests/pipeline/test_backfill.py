"""Backfills against the sandbox: which sessions they ask for, which not again, and how a range is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from adapters.sandbox import control

NightHome = Callable[..., tuple[Any, Any]]
YOUNG = "0013V0"  # listed on 2026-03-12


def test_days_are_sessions_up_to_the_newest_final_one(night_home: NightHome) -> None:
    home, _ = night_home()

    done = home.spock("backfill", "KR", "--days", "7")

    assert done.code == 0, done.err
    row = done.row
    assert row["run_id"] == "KR-backfill-2026-11-12-2026-11-20"
    assert (row["kind"], row["status"], row["sessions"], row["tickers"]) == ("backfill", "complete", 7, 12)
    assert row["received"] == row["rows"] + row["explained"] == 12 * 7
    assert home.table("ohlcv_data")["date"].n_unique() == 7
    assert home.table("index_bars").height == 14


def test_until_minus_n_ends_n_sessions_before_the_newest_final_one(night_home: NightHome) -> None:
    home, _ = night_home()

    done = home.inside("backfill", "KR", "--days", "3", "--until", "-5")

    assert done.code == 0, done.err
    assert (done.row["first_session"], done.row["target_session"]) == ("2026-11-11", "2026-11-13")


def test_the_same_range_again_asks_nothing(night_home: NightHome, tools: Any) -> None:
    home, server = night_home()
    span = ("backfill", "KR", "--from", "2026-09-01", "--until", "2026-10-30")
    first = home.inside(*span)
    assert first.code == 0, first.err
    before = home.business()
    control.clear_report(server.url)

    again = home.inside(*span)

    assert (again.code, again.row["requests"], again.row["rows"]) == (0, {}, first.row["rows"])
    assert control.report(server.url)["by_path"] == {}
    assert tools.differences(before, home.business()) == {}


def test_a_longer_range_asks_for_its_older_part_only(night_home: NightHome, tools: Any) -> None:
    home, server = night_home()
    assert home.inside("backfill", "KR", "--from", "2026-10-01", "--until", "2026-10-30").code == 0
    stored = home.table("ohlcv_data")
    control.clear_report(server.url)

    done = home.inside("backfill", "KR", "--from", "2026-08-03", "--until", "2026-10-30")

    assert done.code == 0, done.err
    asked = tools.asked(server.url)
    assert {start for _, start, _ in asked} == {"20260803"}
    assert max(until for _, _, until in asked) < "20261001"
    assert len(asked) == 12
    after = home.table("ohlcv_data")
    cell = ["ticker", "date"]
    assert after.join(stored, on=cell, how="semi").sort(cell).equals(stored.sort(cell))
    assert after["date"].min() == dt.date(2026, 8, 3)


def test_a_hole_inside_another_range_is_asked_for_with_its_overlap_only(night_home: NightHome, tools: Any) -> None:
    home, server = night_home()
    assert home.inside("backfill", "KR", "--from", "2026-09-01", "--until", "2026-10-30").code == 0
    with home.store.write() as connection:
        connection.execute("DELETE FROM ohlcv_data WHERE ticker = '000660' AND date = DATE '2026-10-14'")
    control.clear_report(server.url)

    done = home.inside("backfill", "KR", "--from", "2026-09-02", "--until", "2026-10-30")

    assert done.code == 0, done.err
    assert dict(tools.asked(server.url)) == {("000660", "20261006", "20261014"): 1}
    assert (done.row["rows"], done.row["confirmed"]) == (1, 5)
    assert home.table("ohlcv_data").filter(ticker="000660", date=dt.date(2026, 10, 14)).height == 1
    assert home.table("ohlcv_revisions").is_empty()


@pytest.mark.parametrize(
    ("fault", "gaps"),
    [
        ({"kind": "http_500", "after": 11, "count": 6}, 5),
        ({"kind": "stale", "after": 11, "count": 3}, 1),
    ],
    ids=["unanswered", "answered_without_the_newest_session"],
)
def test_the_gaps_of_a_complete_run_are_shown_and_asked_for_again(
    night_home: NightHome, fault: dict[str, Any], gaps: int
) -> None:
    """A run that reached the threshold with a few gaps is not one without any."""
    home, server = night_home(
        environment={
            "SPOCK_COLLECT__COVERAGE_THRESHOLD": "0.9",
            "SPOCK_TRANSPORT__WORKERS": "1",
            "SPOCK_TRANSPORT__ATTEMPTS": "2",
            "SPOCK_TRANSPORT__BREAKER_FAILURES": "50",
        }
    )
    span = ("backfill", "KR", "--days", "5")
    control.set_fault(server.url, tr="FHKST03010100", **fault)
    first = home.inside(*span)
    assert (first.code, first.row["status"], first.row["gaps"]) == (0, "complete", gaps), first.out
    control.clear_faults(server.url)

    again = home.inside(*span)

    assert (again.row["gaps"], again.row["coverage"]) == (0, 1.0), again.out
    cells = home.table("ohlcv_data").height + home.table("session_states").height
    assert (cells, home.table("session_states").filter(pl.col("state") == "gap").height) == (60, 0)


def test_a_range_from_before_a_listing_begins_with_its_first_bar_and_is_not_asked_again(night_home: NightHome) -> None:
    home, server = night_home()
    span = ("backfill", "KR", "--from", "2026-01-05", "--until", "2026-04-30")

    done = home.inside(*span)

    assert (done.code, done.row["gaps"], done.row["coverage"]) == (0, 0, 1.0), done.out
    young = home.table("ohlcv_data").filter(pl.col("ticker") == YOUNG)
    assert young["date"].min() == dt.date(2026, 3, 12)
    ranges = home.table("listing_ranges").filter(pl.col("ticker") == YOUNG)
    assert ranges.select("asked_from", "first_session").rows() == [(dt.date(2026, 1, 5), dt.date(2026, 3, 12))]
    control.clear_report(server.url)
    older = home.inside("backfill", "KR", "--from", "2025-11-03", "--until", "2026-04-30")
    assert older.code == 0, older.out
    assert YOUNG not in {row["code"] for row in control.report(server.url, detail=True)["detail"]}


def test_a_range_wholly_before_a_listing_expects_nothing_of_it(night_home: NightHome) -> None:
    home, _ = night_home()

    done = home.inside("backfill", "KR", "--from", "2026-02-02", "--until", "2026-02-27")

    assert (done.code, done.row["gaps"], done.row["coverage"]) == (0, 0, 1.0), done.out
    assert home.table("ohlcv_data").filter(pl.col("ticker") == YOUNG).is_empty()
    later = home.inside("backfill", "KR", "--from", "2026-02-02", "--until", "2026-03-31")
    assert (later.code, later.row["gaps"]) == (0, 0), later.out
    young = home.table("ohlcv_data").filter(pl.col("ticker") == YOUNG)
    assert young["date"].min() == dt.date(2026, 3, 12)


def test_a_night_after_an_old_backfill_still_fetches_its_history(night_home: NightHome) -> None:
    home, _ = night_home()
    assert home.inside("backfill", "KR", "--from", "2026-03-02", "--until", "2026-03-31").code == 0

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.out
    newest = home.table("ohlcv_data")["date"].max()
    assert newest == dt.date(2026, 11, 20)
    assert home.table("region_state")["last_complete_session"].to_list() == [dt.date(2026, 11, 20)]


def test_a_backfill_older_than_the_nights_does_not_move_the_last_complete_session(night_home: NightHome) -> None:
    home, _ = night_home()
    assert home.inside("nightly", "KR").code == 0

    done = home.inside("backfill", "KR", "--from", "2026-05-04", "--until", "2026-05-29")

    assert done.code == 0, done.out
    state = home.table("region_state").row(0, named=True)
    assert (state["last_complete_session"], state["last_session"]) == (dt.date(2026, 11, 20), dt.date(2026, 11, 20))


def test_a_backfill_nobody_answered_fails_and_the_same_again_fetches_it(night_home: NightHome) -> None:
    home, server = night_home(
        environment={
            "SPOCK_COLLECT__PATIENCE_SECONDS": "0.5",
            "SPOCK_TRANSPORT__ATTEMPTS": "1",
            "SPOCK_TRANSPORT__BREAKER_SECONDS": "0.3",
        }
    )
    assert home.inside("nightly", "KR").code == 0
    span = ("backfill", "KR", "--from", "2026-05-04", "--until", "2026-05-29")
    control.set_fault(server.url, kind="dead", seconds=600)
    failed = home.inside(*span)
    assert (failed.code, failed.row["status"], failed.row["rows"]) == (1, "failed", 0)
    control.clear_faults(server.url)

    healed = home.inside(*span)

    assert (healed.code, healed.row["status"], healed.row["gaps"]) == (0, "complete", 0), healed.out
    with home.store.read() as replica:
        assert replica.sql("SELECT min(date) FROM ohlcv_data").fetchall() == [(dt.date(2026, 5, 4),)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("KR",), ("--days N", "--from DAY")),
        (("KR", "--days", "5", "--from", "2026-11-02"), ("either",)),
        (("KR", "--days", "0"), ("--days 0", "1 or more")),
        (("KR", "--days", "-3"), ("--days -3",)),
        (("KR", "--days", "many"), ("many",)),
        (("KR", "--days", "100000"), ("100000",)),
        (("KR", "--from", "2026-11-10", "--until", "2026-11-02"), ("2026-11-10", "2026-11-02")),
        (("KR", "--from", "2026-11-02", "--until", "2026-11-23"), ("2026-11-23", "2026-11-20")),
        (("KR", "--from", "2026-11-02", "--until", "2199-01-01"), ("2199-01-01",)),
        (("KR", "--from", "02.11.2026"), ("02.11.2026", "YYYY-MM-DD")),
        (("KR", "--from", "2026-11-02", "--until", "-x"), ("-x", "YYYY-MM-DD")),
        (("KR", "--from", "2026-11-21", "--until", "2026-11-22"), ("2026-11-22", "2026-11-20")),
        (("KR", "--from", "2026-11-14", "--until", "2026-11-15"), ("no session", "2026-11-14")),
        (("KR", "--from", "1890-01-01", "--until", "2026-11-02"), ("1890-01-01",)),
        (("KR", "--days", "3", "--until", "-99999"), ("sessions up to 2026-11-20",)),
        (("ATLANTIS", "--days", "3"), ("ATLANTIS", "KR US CN")),
    ],
)
def test_a_range_that_can_not_be_taken_is_refused_in_words(
    night_home: NightHome, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    home, server = night_home()

    done = home.inside("backfill", *arguments)

    said = done.err.replace(",", "")
    assert done.code == 2, done.err
    assert [word for word in words if word not in said] == []
    assert "Traceback" not in done.err
    assert control.report(server.url)["by_path"] == {}
    assert not (home.path / "spock.duckdb").exists()


def test_pages_before_one_that_never_comes_are_kept_and_counted(night_home: NightHome) -> None:
    """A ticker whose third page fails for good keeps two; the same command asks for the rest and ends like a clean one."""
    patience = {"SPOCK_COLLECT__PATIENCE_SECONDS": "0.5"}
    home, server = night_home(environment=patience, tickers=6)
    clean, _ = night_home("clean", environment=patience, tickers=6)
    assert clean.inside("backfill", "KR", "--days", "260").code == 0
    control.set_fault(server.url, kind="http_403", code="005930", after=2, count=1000)

    done = home.inside("backfill", "KR", "--days", "260")

    bars = home.table("ohlcv_data")
    assert (done.code, done.row["status"], done.row["gaps"]) == (3, "partial", 60)
    assert bars.filter(pl.col("ticker") == "005930").height == 200
    assert done.row["received"] == sum(done.row[name] for name in ("rows", "confirmed", "explained", "refused", "repeated"))
    assert home.table("listing_ranges").filter(pl.col("ticker") == "005930").height == 0
    control.clear_faults(server.url)
    assert home.inside("backfill", "KR", "--days", "260").code == 0
    keys = ["ticker", "date"]
    assert home.table("ohlcv_data").sort(keys).equals(clean.table("ohlcv_data").sort(keys))
