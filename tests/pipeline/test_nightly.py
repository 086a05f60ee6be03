"""Whole nights against the sandbox: what a home holds afterwards, what was asked, and how the command ends."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import signal
import threading
import time
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest

from adapters.sandbox import control

SEOUL = ZoneInfo("Asia/Seoul")
FRIDAY, MONDAY = dt.date(2026, 11, 20), dt.date(2026, 11, 23)
INDEX_TR, LISTING_TR = "FHKUP03500100", "CTPF1002R"

NightHome = Callable[..., tuple[Any, Any]]


def seoul(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), SEOUL)


def evening(home: Any, server: Any, moment: dt.datetime) -> None:
    """Another evening: the sandbox's clock is there, and yesterday's token is long forgotten."""
    control.set_clock(server.url, moment)
    shutil.rmtree(home.state_dir / "tokens", ignore_errors=True)


# one night after the other ------------------------------------------------------------------------------------------------


def test_a_first_night_fills_an_empty_home(night_home: NightHome) -> None:
    home, server = night_home()

    done = home.spock("nightly", "KR")

    assert done.code == 0, done.err
    row = done.row
    assert row["run_id"] == "KR-night-2026-11-20"
    assert (row["region"], row["status"], row["sessions"], row["tickers"]) == ("KR", "complete", 30, 12)
    assert row["received"] == row["rows"] + row["explained"] + row["refused"] == 12 * 30
    assert (row["refused"], row["gaps"], row["coverage"]) == (0, 0, 1.0)
    bars, states = home.table("ohlcv_data"), home.table("session_states")
    assert (bars.height, states.height) == (row["rows"], row["explained"])
    assert bars.select("region", "provider", "basis", "finality", "currency", "run_id").unique().rows() == [
        ("KR", "kis", "raw", "final", "KRW", "KR-night-2026-11-20")
    ]
    assert home.table("index_bars").group_by("index_code").len().sort("index_code").rows() == [
        ("KOSDAQ", 30),
        ("KOSPI", 30),
    ]
    assert home.table("store_origin")["origin"].to_list() == ["sandbox"]
    by_path = control.report(server.url)["by_path"]
    assert row["requests"] == {"kis": sum(by_path.values())}


def test_the_same_night_again_asks_nothing_and_changes_nothing(night_home: NightHome, tools: Any) -> None:
    home, server = night_home()
    first = home.inside("nightly", "KR")
    before, replica = home.business(), (home.path / "replica.duckdb").resolve()
    control.clear_report(server.url)

    again = home.inside("nightly", "KR")

    assert again.code == 0
    report = control.report(server.url)
    assert (report["requests"], report["by_path"]) == (0, {})
    assert tools.differences(before, home.business()) == {}
    same = ("run_id", "sessions", "tickers", "received", "rows", "explained", "refused", "coverage")
    assert {name: again.row[name] for name in same} == {name: first.row[name] for name in same}
    assert again.row["requests"] == {}
    assert (home.path / "replica.duckdb").resolve() == replica


def test_the_next_session_is_one_request_a_ticker_and_confirms_its_overlap(night_home: NightHome, tools: Any) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    before = home.table("ohlcv_data")
    evening(home, server, seoul(MONDAY, 21))
    control.clear_report(server.url)

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.err
    row = done.row
    assert (row["run_id"], row["sessions"], row["tickers"]) == ("KR-night-2026-11-23", 1, 12)
    after = home.table("ohlcv_data")
    new = after.filter(pl.col("date") == MONDAY)
    assert after.filter(pl.col("date") < MONDAY).sort("ticker", "date").equals(before.sort("ticker", "date"))
    untraded = home.table("session_states").filter(pl.col("date") == MONDAY)
    assert new.height + untraded.height == 12
    assert (row["rows"], row["revised"]) == (new.height, 0)
    assert row["confirmed"] >= 11 * 5
    assert home.table("ohlcv_revisions").is_empty()
    by_tr = control.report(server.url)["by_tr"]
    assert by_tr == {tools.bars_tr: 12, INDEX_TR: 2}


def test_a_weekend_and_a_missed_night_are_made_up_for(night_home: NightHome) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    evening(home, server, seoul(dt.date(2026, 11, 25), 21))

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.err
    assert (done.row["first_session"], done.row["target_session"], done.row["sessions"]) == (
        "2026-11-23",
        "2026-11-25",
        3,
    )
    state = home.table("region_state").row(0, named=True)
    assert (state["last_complete_session"], state["last_session"]) == (dt.date(2026, 11, 25), dt.date(2026, 11, 25))


def test_a_new_listing_joins_and_an_ended_one_leaves(night_home: NightHome) -> None:
    """해솔로보틱스 (8000Z0) is listed on 2026-12-08, 미르미디어 (0404D0) ends on 2026-12-14."""
    home, server = night_home(now=seoul(dt.date(2026, 12, 7), 21))
    assert home.inside("nightly", "KR").row["tickers"] == 12
    evening(home, server, seoul(dt.date(2026, 12, 8), 22))

    listed = home.inside("nightly", "KR")

    assert listed.code == 0, listed.err
    assert (listed.row["tickers"], listed.row["sessions"], listed.row["gaps"]) == (13, 1, 0)
    young = home.table("ohlcv_data").filter(pl.col("ticker") == "8000Z0")
    assert young["date"].to_list() == [dt.date(2026, 12, 8)]
    events = home.table("instrument_events").filter(pl.col("ticker") == "8000Z0")
    assert events.select("event_date", "kind").rows() == [(dt.date(2026, 12, 8), "listed")]

    evening(home, server, seoul(dt.date(2026, 12, 16), 22))
    ended = home.inside("nightly", "KR")

    assert ended.code == 0, ended.err
    assert (ended.row["gaps"], ended.row["coverage"]) == (0, 1.0)
    gone = home.table("ohlcv_data").filter(pl.col("ticker") == "0404D0")
    last = home.table("listing_ranges").filter(pl.col("ticker") == "0404D0")["last_session"].to_list()
    assert (gone["date"].max(), last) == (dt.date(2026, 12, 14), [dt.date(2026, 12, 14)])
    assert "0404D0" in home.table("instruments")["ticker"].to_list()
    evening(home, server, seoul(dt.date(2026, 12, 17), 22))
    control.clear_report(server.url)
    assert home.inside("nightly", "KR").row["tickers"] == 12
    assert "0404D0" not in {row["code"] for row in control.report(server.url, detail=True)["detail"]}


# which session a night is for ---------------------------------------------------------------------------------------------


def test_on_a_day_without_a_session_a_night_is_for_the_one_before(night_home: NightHome) -> None:
    home, server = night_home(now=seoul(dt.date(2026, 11, 22), 21))
    assert home.inside("nightly", "KR").row["run_id"] == "KR-night-2026-11-20"
    control.clear_report(server.url)

    again = home.inside("nightly", "KR")

    assert (again.code, again.row["requests"]) == (0, {})


def test_before_the_session_is_final_a_night_is_too_early_and_says_until_when(night_home: NightHome) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    evening(home, server, seoul(MONDAY, 16))

    done = home.inside("nightly", "KR")

    assert done.code == 3
    row = done.row
    assert (row["region"], row["status"]) == ("KR", "too_early")
    assert dt.datetime.fromisoformat(row["retry_at"]) == seoul(MONDAY, 20, 5)
    assert "2026-11-23 20:05 KST" in row["error"]
    assert "--wait" in row["error"]
    assert home.table("ohlcv_data")["date"].max() == FRIDAY


def test_too_early_still_collects_what_is_final(night_home: NightHome) -> None:
    home, _ = night_home(now=seoul(MONDAY, 16))

    done = home.inside("nightly", "KR")

    assert done.code == 3
    row = done.row
    assert (row["status"], row["run_id"], row["coverage"]) == ("too_early", "KR-night-2026-11-20", 1.0)
    assert home.table("ohlcv_data")["date"].max() == FRIDAY
    assert [(run["run_id"], run["status"]) for run in home.runs()] == [("KR-night-2026-11-20", "complete")]
    with home.store.read() as replica:
        assert replica.sql("SELECT max(date) FROM ohlcv_data").fetchall() == [(FRIDAY,)]


def test_a_waiting_night_begins_when_its_session_is_final(night_home: NightHome, tools: Any) -> None:
    home, server = night_home(now=seoul(MONDAY, 16))
    process = home.start("nightly", "KR", "--wait")
    assert json.loads(tools.said(process, "waiting"))["text"] == (
        "waiting: KR: session 2026-11-23 is final at 2026-11-23 20:05 KST (2026-11-23 11:05 UTC)"
    )
    assert control.report(server.url)["requests"] == 0

    control.set_clock(server.url, seoul(MONDAY, 20, 6))
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert json.loads(out)["run_id"] == "KR-night-2026-11-23"


def test_waiting_with_a_frozen_clock_is_refused(night_home: NightHome) -> None:
    home, _ = night_home()
    done = home.inside("nightly", "KR", "--wait", "--now", "2026-11-23T16:00:00+09:00")
    assert done.code == 2
    assert "frozen" in done.words
    assert "use --wait" not in done.words


@pytest.mark.parametrize(
    ("day", "code", "words"),
    [
        ("2026-11-21", 2, ("closed that day", "2026-11-20", "2026-11-23")),
        ("2026-11-23", 3, ("final at 2026-11-23 20:05 KST",)),
        ("2026-13-40", 2, ("--date '2026-13-40'", "YYYY-MM-DD")),
        ("yesterday", 2, ("--date 'yesterday'", "YYYY-MM-DD")),
        ("1990-01-04", 2, ("1990-01-04",)),
        ("2199-01-04", 2, ("2199-01-04",)),
    ],
)
def test_a_date_that_can_not_be_collected_is_refused_in_words(
    night_home: NightHome, day: str, code: int, words: tuple[str, ...]
) -> None:
    home, server = night_home()

    done = home.inside("nightly", "KR", "--date", day)

    said = done.words if code == 2 else done.rows[-1]["error"]
    assert (done.code, [word for word in words if word not in said]) == (code, []), said
    assert "Traceback" not in done.err
    assert control.report(server.url)["requests"] == 0


def test_a_given_date_collects_that_session(night_home: NightHome) -> None:
    home, _ = night_home()
    assert home.inside("nightly", "KR").code == 0
    with duckdb.connect(str(home.path / "spock.duckdb")) as store:
        store.execute("DELETE FROM ohlcv_data WHERE date = DATE '2026-11-18'")

    done = home.inside("nightly", "KR", "--date", "2026-11-18")

    assert done.code == 0, done.err
    assert (done.row["run_id"], done.row["sessions"]) == ("KR-night-2026-11-18", 1)
    assert done.row["rows"] + done.row["explained"] >= 11
    assert home.table("region_state")["last_complete_session"].to_list() == [FRIDAY]


# faults of the provider ---------------------------------------------------------------------------------------------------

FAULTS = {
    "rate_limit": [{"kind": "rate_limit", "count": 6, "after": 4}],
    "http_500": [{"kind": "http_500", "count": 3, "after": 2}],
    "silence": [{"kind": "silence", "count": 2, "after": 3, "delay": 5}],
    "cut": [{"kind": "cut", "count": 3, "after": 2}],
    "bad_json": [{"kind": "bad_json", "count": 3, "after": 2}],
    "empty_body": [{"kind": "empty_body", "count": 3, "after": 2}],
    "empty": [{"kind": "empty", "count": 2, "after": 3}],
    "token_expired": [{"kind": "token_expired", "count": 1, "after": 5}],
    "token_of_500": [{"kind": "http_500", "tr": "tokenP", "count": 2}],
    "cut_master": [{"kind": "cut", "tr": "master", "count": 1}],
    "stale": [{"kind": "stale", "count": 2, "after": 3}],
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> dict[str, pl.DataFrame]:
    """What an undisturbed night leaves."""
    folder = tmp_path_factory.mktemp("clean")
    with tools.sandbox(now=tools.now, regions=("KR",), tickers=12, enforce_limits=False) as server:
        home = tools.home(
            folder / "home",
            folder / "machine",
            {"SPOCK_SANDBOX_URL": server.url, "SPOCK_COLLECT__INITIAL_SESSIONS": "30"},
        )
        assert home.inside("nightly", "KR").code == 0
        found: dict[str, pl.DataFrame] = home.business()
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_a_night_with_a_passing_fault_ends_like_a_clean_one(
    night_home: NightHome, tools: Any, clean: dict[str, pl.DataFrame], name: str
) -> None:
    home, server = night_home(
        environment={"SPOCK_TRANSPORT__READ_TIMEOUT": "0.5", "SPOCK_TRANSPORT__BREAKER_FAILURES": "50"}
    )
    for fault in FAULTS[name]:
        control.set_fault(server.url, **fault)

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.out + done.err
    assert tools.differences(clean, home.business()) == {}
    row = done.row
    assert row["received"] == row["rows"] + row["confirmed"] + row["explained"] + row["refused"] + row["repeated"]


def test_a_night_under_enforced_limits_and_complaints_breaks_none(
    night_home: NightHome, tools: Any, clean: dict[str, pl.DataFrame]
) -> None:
    home, server = night_home(enforce_limits=True)
    control.set_fault(server.url, kind="rate_limit", count=2, after=3)

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.err
    report = control.report(server.url)
    assert report["violations"] == {"per_second": 0, "per_minute": 0, "token": 0}
    assert report["tokens"] == {"issued": 1, "repeated": 0, "refused": 0}
    assert tools.differences(clean, home.business()) == {}


def test_a_provider_that_is_away_for_seconds_is_waited_for(
    night_home: NightHome, tools: Any, clean: dict[str, pl.DataFrame]
) -> None:
    home, server = night_home(environment={"SPOCK_TRANSPORT__BREAKER_SECONDS": "0.5"})
    control.set_fault(server.url, kind="dead", after=6, seconds=2)

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.out + done.err
    assert tools.differences(clean, home.business()) == {}
    assert done.row["seconds"] < 15, "the provider was back after 2 seconds"


IMPATIENT = {
    "SPOCK_COLLECT__PATIENCE_SECONDS": "2",
    "SPOCK_TRANSPORT__ATTEMPTS": "2",
    "SPOCK_TRANSPORT__BREAKER_SECONDS": "0.3",
}


def test_a_provider_that_is_away_for_good_fails_an_empty_home_in_words(night_home: NightHome) -> None:
    home, server = night_home(environment=IMPATIENT)
    control.set_fault(server.url, kind="dead", seconds=600)

    done = home.inside("nightly", "KR")

    assert done.code == 1
    assert (done.row["status"], done.row["rows"], done.row["coverage"]) == ("failed", 0, 0.0)
    assert "no provider delivers universe for KR: kis: unavailable" in done.row["error"]
    assert "Traceback" not in done.err
    assert home.table("ohlcv_data").is_empty()


def test_a_night_nobody_answered_fails_and_the_same_night_again_heals_it(night_home: NightHome) -> None:
    """The list is young enough to be kept, so only the bars are missing."""
    home, server = night_home(environment=IMPATIENT)
    assert home.inside("nightly", "KR").code == 0
    evening(home, server, seoul(MONDAY, 20, 10))
    home.environment["SPOCK_NOW"] = "2026-11-23T20:10:00+09:00"
    with duckdb.connect(str(home.path / "spock.duckdb")) as store:
        store.execute("UPDATE instruments SET seen_at = TIMESTAMPTZ '2026-11-23 02:00:00+00'")
    control.set_fault(server.url, kind="dead", seconds=600)

    failed = home.inside("nightly", "KR")

    assert failed.code == 1
    assert (failed.row["status"], failed.row["rows"], failed.row["gaps"]) == ("failed", 0, 12)
    assert any("Server disconnected" in note for note in failed.row["notes"])
    assert "no provider delivers history" in failed.row["error"]
    gaps = home.table("session_states").filter(pl.col("date") == MONDAY)
    assert gaps["state"].unique().to_list() == ["gap"]
    assert all("no provider delivers history" in reason for reason in gaps["reason"])
    assert home.table("region_state")["last_complete_session"].to_list() == [FRIDAY]

    control.clear_faults(server.url)
    time.sleep(0.4)
    healed = home.inside("nightly", "KR")

    assert healed.code == 0, healed.out
    assert (healed.row["run_id"], healed.row["gaps"]) == ("KR-night-2026-11-23", 0)
    assert home.table("session_states").filter(pl.col("state") == "gap").is_empty()
    with home.store.read() as replica:
        published = replica.sql("SELECT max(date) FROM ohlcv_data").fetchall()
    assert published == [(MONDAY,)], "the healed night was not published"


@pytest.fixture
def paused(night_home: NightHome) -> tuple[Any, Any]:
    """A home of Australia, and a sandbox whose Yahoo says 429 to everything: one of them closes it for an hour."""
    home, server = night_home(
        regions=("AU",), tickers=7, now=seoul(FRIDAY, 21), environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "5"}
    )
    control.set_fault(server.url, provider="yahoo", kind="rate_limit", seconds=600)
    return home, server


def comes_back_in_an_hour(row: dict[str, Any]) -> bool:
    left = dt.datetime.fromisoformat(row["retry_at"]) - dt.datetime.now(dt.UTC)
    return dt.timedelta(minutes=50) < left <= dt.timedelta(hours=1)


def test_a_first_night_whose_provider_asks_to_come_back_says_why_and_when(paused: tuple[Any, Any]) -> None:
    done = paused[0].inside("nightly", "AU")

    assert (done.code, done.row["status"], done.row["rows"]) == (1, "failed", 0)
    assert "HTTP 429, too many requests" in done.row["error"]
    assert comes_back_in_an_hour(done.row)


def test_a_night_whose_provider_asks_to_come_back_says_why_and_when(paused: tuple[Any, Any]) -> None:
    """The list of the last night stands: it is the bars that nobody delivers."""
    home, server = paused
    control.clear_faults(server.url)
    assert home.inside("nightly", "AU").code == 0
    evening(home, server, seoul(MONDAY, 21))
    control.set_fault(server.url, provider="yahoo", kind="rate_limit", seconds=600)

    done = home.inside("nightly", "AU")

    assert (done.code, done.row["status"], done.row["gaps"]) == (1, "failed", 7)
    assert done.row["error"].startswith("no provider delivers history for AU: yfinance: unavailable")
    assert "HTTP 429, too many requests" in done.row["error"]
    assert comes_back_in_an_hour(done.row)
    again = home.inside("nightly", "AU", "--format", "table")
    assert again.words.count("no provider delivers history") == 1


def test_a_refused_connection_is_not_called_a_slow_answer(night_home: NightHome) -> None:
    home, server = night_home(regions=("AU",), tickers=7, now=seoul(FRIDAY, 21), environment=IMPATIENT)
    control.set_fault(server.url, provider="yahoo", kind="dead", seconds=600)

    done = home.inside("nightly", "AU")

    assert done.code == 1
    assert "the connection failed after 0.0 s (" in done.row["error"]
    assert "no whole answer" not in done.row["error"]


def test_a_ticker_without_an_answer_is_a_gap_with_its_reason_until_it_answers(night_home: NightHome) -> None:
    """One worker asks in the order of tickers: the last requests of the pass are the last ticker's."""
    home, server = night_home(
        environment={
            "SPOCK_TRANSPORT__WORKERS": "1",
            "SPOCK_TRANSPORT__ATTEMPTS": "2",
            "SPOCK_TRANSPORT__BREAKER_FAILURES": "50",
        }
    )
    control.set_fault(server.url, kind="http_500", tr="FHKST03010100", after=11, count=6)

    partial = home.inside("nightly", "KR")

    assert partial.code == 3, partial.out
    assert (partial.row["status"], partial.row["gaps"]) == ("partial", 30)
    assert partial.row["coverage"] == pytest.approx(11 / 12, abs=1e-6)
    gaps = home.table("session_states").filter(pl.col("state") == "gap")
    assert gaps["ticker"].n_unique() == 1
    assert all("EGW00002" in reason or "500" in reason for reason in gaps["reason"]), gaps["reason"][0]
    assert home.table("region_state")["last_complete_session"].to_list() == [None]
    with home.store.read() as replica:
        assert replica.sql("SELECT count(DISTINCT ticker) FROM ohlcv_data").fetchall() == [(11,)]
    control.clear_faults(server.url)
    control.clear_report(server.url)

    healed = home.inside("nightly", "KR")

    assert healed.code == 0, healed.out
    assert (healed.row["run_id"], healed.row["gaps"], healed.row["coverage"]) == (partial.row["run_id"], 0, 1.0)
    assert control.report(server.url)["by_tr"] == {"FHKST03010100": 1}
    assert home.table("session_states").filter(pl.col("state") == "gap").is_empty()
    assert home.table("region_state")["last_complete_session"].to_list() == [FRIDAY]
    with home.store.read() as replica:
        assert replica.sql("SELECT count(DISTINCT ticker) FROM ohlcv_data").fetchall() == [(12,)]


def bent_night(home: Any, server: Any, kind: str) -> dict[str, Any]:
    """A night of which every bar answer is bent; its figures add up to what the store holds."""
    control.set_fault(server.url, kind=kind, tr="FHKST03010100", seconds=600)
    row: dict[str, Any] = home.inside("nightly", "KR").row
    assert row["received"] == row["rows"] + row["confirmed"] + row["explained"] + row["refused"] + row["repeated"]
    assert home.table("quarantine").height == row["refused"]
    assert home.table("ohlcv_data").height == row["rows"]
    return row


def test_rows_of_another_ticker_are_all_refused(night_home: NightHome) -> None:
    home, server = night_home()

    row = bent_night(home, server, "wrong_ticker")

    assert (row["status"], row["rows"], row["coverage"]) in (("partial", 0, 0.0), ("failed", 0, 0.0))
    detail = control.report(server.url, detail=True)["detail"]
    assert row["refused"] == sum(one["served_rows"] for one in detail if one["tr"] == "FHKST03010100") > 0
    assert home.table("quarantine")["rule"].unique().to_list() == ["wrong_ticker"]
    assert home.table("session_states")["state"].unique().to_list() == ["quarantined"]


def test_answers_without_the_newest_session_leave_it_a_gap(night_home: NightHome) -> None:
    home, server = night_home()

    row = bent_night(home, server, "stale")

    assert (row["status"], row["gaps"]) == ("partial", 12)
    assert home.table("ohlcv_data")["date"].max() == dt.date(2026, 11, 19)
    assert home.table("region_state")["last_complete_session"].to_list() == [dt.date(2026, 11, 19)]


def test_answers_without_rows_are_never_a_success(night_home: NightHome) -> None:
    home, server = night_home()

    row = bent_night(home, server, "empty")

    assert row["status"] in ("partial", "failed")
    assert (row["rows"], row["gaps"], row["coverage"]) == (0, 12 * 30, 0.0)


def test_a_refused_answer_is_asked_for_again_by_the_same_night(night_home: NightHome) -> None:
    home, server = night_home()
    control.set_fault(server.url, kind="wrong_ticker", tr="FHKST03010100", count=1)
    first = home.inside("nightly", "KR")
    assert (first.code, first.row["refused"]) == (3, 30)
    assert home.table("session_states").filter(pl.col("state") == "quarantined").height == 30

    healed = home.inside("nightly", "KR")

    assert (healed.code, healed.row["coverage"], healed.row["requests"]) == (0, 1.0, {"kis": 1}), healed.out
    assert home.table("session_states").filter(pl.col("state") == "quarantined").is_empty()
    assert home.table("quarantine").height == 30


def test_an_index_without_an_answer_is_told_and_made_up_for_by_the_same_night(night_home: NightHome) -> None:
    home, server = night_home(environment=IMPATIENT)
    control.set_fault(server.url, kind="dead", tr=INDEX_TR, seconds=600)

    first = home.inside("nightly", "KR")

    assert (first.code, first.row["status"]) == (0, "complete")
    assert [note.split(":")[0] for note in first.row["notes"]] == ["index KOSPI", "index KOSDAQ"]
    control.clear_faults(server.url)
    control.clear_report(server.url)
    time.sleep(0.4)
    again = home.inside("nightly", "KR")
    assert (again.code, again.row["notes"]) == (0, [])
    assert control.report(server.url)["by_tr"] == {INDEX_TR: 2}
    assert home.table("index_bars").height == 60


def test_hundredfold_prices_are_refused_and_asked_for_again(night_home: NightHome) -> None:
    """The traded value of a row contradicts its prices: nothing that stands is touched, and the next run heals the hole."""
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    before = home.table("ohlcv_data")
    evening(home, server, seoul(MONDAY, 21))
    control.set_fault(server.url, kind="times_100", tr="FHKST03010100", count=1)

    done = home.inside("nightly", "KR")

    refused = home.table("quarantine")
    assert (done.code, done.row["revised"]) == (3, 0)
    assert done.row["refused"] == refused.height > 0
    assert refused["rule"].unique().to_list() == ["unit_error"]
    assert home.table("ohlcv_data").join(before, on=before.columns, how="semi", nulls_equal=True).height == before.height
    assert home.inside("nightly", "KR").code == 0


# many at once -------------------------------------------------------------------------------------------------------------


def test_a_reader_that_never_closes_disturbs_no_night(night_home: NightHome) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    reader = home.store.read()
    first = reader.sql("SELECT count(*), max(date) FROM ohlcv_data").fetchall()
    for day in (23, 24, 25):
        evening(home, server, seoul(dt.date(2026, 11, day), 21))
        done = home.inside("nightly", "KR")
        assert (done.code, done.row["seconds"] < 5) == (0, True)
        assert reader.sql("SELECT count(*), max(date) FROM ohlcv_data").fetchall() == first
    with home.store.read() as fresh:
        assert fresh.sql("SELECT max(date) FROM ohlcv_data").fetchall() == [(dt.date(2026, 11, 25),)]
    reader.close()


def test_readers_all_through_a_night_see_whole_replicas_only(night_home: NightHome) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    stop = threading.Event()
    seen: set[tuple[int, int]] = set()
    slowest = 0.0

    def read() -> None:
        nonlocal slowest
        while not stop.is_set():
            began = time.monotonic()
            with home.store.read() as replica:
                seen.update(
                    replica.sql("SELECT count(*), (SELECT count(*) FROM index_bars) FROM ohlcv_data").fetchall()
                )
            slowest = max(slowest, time.monotonic() - began)

    evening(home, server, seoul(MONDAY, 21))
    thread = threading.Thread(target=read)
    thread.start()
    try:
        done = home.spock("nightly", "KR")
    finally:
        stop.set()
        thread.join()

    assert done.code == 0, done.err
    assert len(seen) <= 2, "a reader saw a night half way"
    assert slowest < 1.0


def test_two_nights_of_one_region_at_once_end_as_one(
    night_home: NightHome, tools: Any, clean: dict[str, pl.DataFrame]
) -> None:
    home, server = night_home(environment={"SPOCK_COLLECT__BATCH_PAGES": "2"})

    processes = [home.start("nightly", "KR") for _ in range(2)]
    ends = [process.communicate(timeout=60) for process in processes]

    for process, (out, err) in zip(processes, ends, strict=True):
        assert "Traceback" not in err, err[-2000:]
        assert process.returncode in (0, 1, 3), err
        if process.returncode:
            assert json.loads(out.splitlines()[-1])["error"]
    assert 0 in [process.returncode for process in processes], [out for out, _ in ends]
    assert tools.differences(without_counts(clean), without_counts(home.business())) == {}
    tokens = control.report(server.url)["tokens"]
    assert tokens["issued"] == 1


def without_counts(business: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return {name: frame for name, frame in business.items() if name != "commits"}


# the plan -----------------------------------------------------------------------------------------------------------------


def test_the_plan_of_an_empty_home_knows_no_universe(night_home: NightHome) -> None:
    home, server = night_home()

    done = home.inside("plan", "KR")

    assert done.code == 0
    (plan,) = json.loads(done.out)
    assert (plan["tickers"], plan["sessions"], plan["requests"]) == (None, 30, 0)
    assert "universe unknown" in plan["note"]
    assert control.report(server.url)["requests"] == 0
    assert not (home.path / "spock.duckdb").exists()


def test_the_plan_budgets_the_requests_the_next_night_makes(night_home: NightHome) -> None:
    home, server = night_home()
    assert home.inside("nightly", "KR").code == 0
    evening(home, server, seoul(MONDAY, 21))
    control.clear_report(server.url)
    before = home.business()

    (plan,) = json.loads(home.inside("plan", "KR").out)

    assert control.report(server.url)["requests"] == 0
    assert {name: frame.height for name, frame in home.business().items()} == {
        name: frame.height for name, frame in before.items()
    }
    assert home.inside("nightly", "KR").code == 0
    assert plan["requests"] == control.report(server.url)["requests"] == 14
    assert (plan["to_ask"], plan["sessions"]) == (12, 1)


def test_the_budget_of_a_first_night_counts_the_pages_of_its_history(night_home: NightHome) -> None:
    """130 sessions: two pages of bars a ticker, three pages of levels an index."""
    home, server = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "130"})

    done = home.inside("nightly", "KR")

    assert done.code == 0, done.err
    planned = next(event for event in map(json.loads, done.err.splitlines()) if event["event"] == "plan")
    assert control.report(server.url)["by_tr"] == {"FHKST03010100": 24, INDEX_TR: 6}
    assert planned["requests"] == 30


def test_a_night_that_is_stopped_says_that_it_goes_on(night_home: NightHome, tools: Any) -> None:
    home, _ = night_home(now=seoul(MONDAY, 16))
    process = home.start("nightly", "KR", "--wait")
    tools.said(process, "waiting")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "goes on" in err
    assert "Traceback" not in err
