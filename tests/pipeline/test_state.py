"""The operational database: runs, stages, spool, events and attempts, written by many at once."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MigrationError, StoreError, StoreForeign, StoreFull, StoreReadOnly, StoreTooNew
from pipeline.state import REPLICATED, State

CHILD = Path(__file__).with_name("store") / "child.py"
NIGHT = "night-KR-2026-11-20"
AS_OF = dt.datetime(2026, 11, 20, 21, 30, tzinfo=dt.timezone(dt.timedelta(hours=9)))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = State(tmp_path / "home")
    yield opened
    opened.close()


def begin(state: State, run_id: str = NIGHT, **values: Any) -> int:
    words: dict[str, Any] = {
        "kind": "night",
        "region": "KR",
        "first_session": dt.date(2026, 11, 20),
        "target_session": dt.date(2026, 11, 20),
        "origin": "sandbox",
        "as_of": AS_OF,
    }
    return state.begin_run(run_id, **(words | values))


# ---- runs ----


def test_a_run_begins_with_its_first_attempt(state: State) -> None:
    assert begin(state) == 1
    found = state.run(NIGHT)
    assert found is not None
    kept = {name: found[name] for name in ("kind", "region", "first_session", "target_session", "origin", "status", "as_of")}
    assert kept == {
        "kind": "night",
        "region": "KR",
        "first_session": "2026-11-20",
        "target_session": "2026-11-20",
        "origin": "sandbox",
        "status": "running",
        "as_of": "2026-11-20T12:30:00.000Z",
    }


def test_a_run_nobody_began_is_none(state: State) -> None:
    assert state.run("nothing") is None


def test_a_run_that_was_cut_off_goes_on_as_the_same_attempt(state: State) -> None:
    begin(state)
    assert begin(state) == 1
    state.end_run(NIGHT, "failed", error="no network")
    assert begin(state) == 1


@pytest.mark.parametrize("status", ["complete", "partial"])
def test_a_run_that_ended_begins_the_next_attempt(state: State, status: str) -> None:
    begin(state)
    state.end_run(NIGHT, status)
    assert begin(state, again=True) == 2
    assert begin(state) == 2
    state.end_run(NIGHT, status)
    assert begin(state, again=True) == 3


def test_a_run_that_goes_on_forgets_how_it_ended_and_keeps_when_it_began(state: State) -> None:
    begin(state)
    before = state.run(NIGHT)
    state.end_run(NIGHT, "failed", error="no network")
    later = AS_OF + dt.timedelta(hours=1)
    begin(state, as_of=later, first_session=dt.date(2026, 11, 18))
    found = state.run(NIGHT)
    assert before is not None
    assert found is not None
    assert (found["status"], found["ended_at"], found["error"]) == ("running", None, None)
    assert found["started_at"] == before["started_at"]
    assert (found["first_session"], found["as_of"]) == ("2026-11-18", "2026-11-20T13:30:00.000Z")


def test_a_run_ends_with_its_figures(state: State) -> None:
    begin(state)
    state.end_run(NIGHT, "complete", sessions=1, tickers=12, received=60, stored=12, confirmed=48, coverage=0.995)
    found = state.run(NIGHT)
    assert found is not None
    assert (found["status"], found["sessions"], found["stored"], found["refused"]) == ("complete", 1, 12, None)
    assert found["coverage"] == 0.995
    assert found["ended_at"].endswith("Z")


def test_a_figure_that_does_not_exist_is_refused_by_name(state: State) -> None:
    begin(state)
    with pytest.raises(TypeError, match="got rows"):
        state.end_run(NIGHT, "complete", rows=1)


def test_requests_and_seconds_add_up_over_attempts(state: State) -> None:
    begin(state)
    state.add_requests(NIGHT, {"kis": 10}, 1.5)
    state.add_requests(NIGHT, {"kis": 5, "yfinance": 2}, 2.0)
    found = state.run(NIGHT)
    assert found is not None
    assert (found["requests"], found["seconds"]) == ('{"kis": 15, "yfinance": 2}', 3.5)


def test_one_session_of_a_region_has_one_night(state: State) -> None:
    begin(state)
    with pytest.raises(StoreError, match=r"state\.sqlite.*UNIQUE"):
        begin(state, "another-night-of-the-same-session")
    begin(state, "backfill", kind="backfill")
    begin(state, "night-US-2026-11-20", region="US")


def test_runs_come_newest_first_and_by_region(state: State) -> None:
    for number in range(3):
        begin(state, f"KR-{number}", target_session=dt.date(2026, 11, 18 + number))
        threading.Event().wait(0.002)
    begin(state, "US-0", region="US")
    assert [run["run_id"] for run in state.runs("KR")] == ["KR-2", "KR-1", "KR-0"]
    assert [run["run_id"] for run in state.runs(limit=2)] == ["US-0", "KR-2"]


def test_an_unknown_status_is_refused(state: State) -> None:
    begin(state)
    with pytest.raises(StoreError, match="CHECK"):
        state.end_run(NIGHT, "good enough")
    found = state.run(NIGHT)
    assert found is not None
    assert found["status"] == "running"


# ---- stages ----


def test_stages_are_timed_in_the_order_they_began(state: State) -> None:
    with state.stage(NIGHT, "plan"):
        pass
    with state.stage(NIGHT, "fetch") as note:
        note["detail"] = "12 of 12"
    found = state.stages(NIGHT)
    assert [(row["stage"], row["status"], row["detail"]) for row in found] == [
        ("plan", "complete", None),
        ("fetch", "complete", "12 of 12"),
    ]
    assert all(row["seconds"] >= 0 and row["ended_at"] for row in found)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_stage_that_breaks_is_failed_and_the_error_goes_on(state: State, error: type[BaseException]) -> None:

    def break_off(note: dict[str, str]) -> None:
        note["detail"] = "3 of 12"
        raise error

    with pytest.raises(error), state.stage(NIGHT, "fetch") as note:
        break_off(note)
    assert [(row["status"], row["detail"]) for row in state.stages(NIGHT)] == [("failed", "3 of 12")]


def test_a_stage_that_runs_again_replaces_its_row(state: State) -> None:
    with pytest.raises(ValueError, match="once"), state.stage(NIGHT, "fetch"):
        raise ValueError("once")
    with state.stage(NIGHT, "fetch"):
        assert [(row["status"], row["ended_at"], row["seconds"]) for row in state.stages(NIGHT)] == [("running", None, None)]
    assert [row["status"] for row in state.stages(NIGHT)] == ["complete"]


def test_stages_are_cleared_for_one_run_only(state: State) -> None:
    for run in (NIGHT, "other"):
        with state.stage(run, "plan"):
            pass
    state.clear_stages(NIGHT)
    assert state.stages(NIGHT) == []
    assert len(state.stages("other")) == 1


# ---- spool index ----


def spooled(state: State) -> list[tuple[str, bool]]:
    with sqlite3.connect(state.path) as connection:
        found = connection.execute("SELECT batch_id, committed_at IS NOT NULL FROM spool ORDER BY batch_id").fetchall()
    connection.close()
    return [(batch_id, bool(committed)) for batch_id, committed in found]


def record(state: State, batch_id: str, run_id: str = NIGHT, rows: int = 100) -> None:
    state.record_spool(batch_id, run_id, f"runs/{run_id}/{batch_id}.parquet", units=1, pages=2, rows=rows, sha256="x")


def test_a_spooled_batch_is_open_until_it_is_marked(state: State) -> None:
    record(state, "a")
    record(state, "b")
    state.mark_committed(NIGHT, "a")
    assert spooled(state) == [("a", True), ("b", False)]


def test_all_batches_of_one_run_are_marked_at_once(state: State) -> None:
    record(state, "a")
    record(state, "b")
    record(state, "c", "other")
    state.mark_committed(NIGHT)
    assert spooled(state) == [("a", True), ("b", True), ("c", False)]


def test_a_batch_indexed_twice_stays_as_it_was(state: State) -> None:
    record(state, "a", rows=100)
    record(state, "a", rows=5)
    with sqlite3.connect(state.path) as connection:
        assert connection.execute("SELECT rows, path FROM spool").fetchall() == [(100, f"runs/{NIGHT}/a.parquet")]
    connection.close()


# ---- events ----


def test_events_come_in_order_with_their_detail(state: State) -> None:
    state.emit("run_started", "KR", run_id=NIGHT, detail={"이름": "삼성전자", "on": dt.date(2026, 11, 20)})
    state.emit("calendar_suspect", "KR", severity="warning")
    found = [(row["kind"], row["severity"], row["run_id"], row["detail"]) for row in state.events()]
    assert found == [
        ("run_started", "info", NIGHT, {"이름": "삼성전자", "on": "2026-11-20"}),
        ("calendar_suspect", "warning", None, {}),
    ]


def test_each_consumer_has_its_own_cursor(state: State) -> None:
    for number in range(5):
        state.emit(f"event-{number}", "KR")
    ids = [row["id"] for row in state.events()]
    state.acknowledge("mail", ids[2])
    assert [row["kind"] for row in state.unread("mail")] == ["event-3", "event-4"]
    assert len(state.unread("page")) == 5
    assert [row["kind"] for row in state.unread("page", limit=2)] == ["event-0", "event-1"]
    assert [row["kind"] for row in state.events(after=ids[3])] == ["event-4"]


def test_a_cursor_never_moves_back(state: State) -> None:
    for number in range(3):
        state.emit(f"event-{number}", "KR")
    last = state.events()[-1]["id"]
    state.acknowledge("mail", last)
    state.acknowledge("mail", 1)
    assert state.unread("mail") == []


def test_an_unknown_severity_is_refused(state: State) -> None:
    with pytest.raises(StoreError, match="CHECK"):
        state.emit("x", "KR", severity="loud")
    assert state.events() == []


# ---- providers and regions ----


def attempt(outcome: str = "ok", **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "run_id": NIGHT,
        "region": "KR",
        "capability": "history",
        "provider": "kis",
        "outcome": outcome,
        "attempts": 1,
        "seconds": 0.5,
        "first_at": "2026-11-20T12:00:05Z",
        "last_at": "2026-11-20T12:00:05Z",
        "detail": None,
    }
    return {**row, **values}


def test_attempts_add_up_by_outcome(state: State) -> None:
    state.record_attempts([attempt(attempts=10, seconds=2.0), attempt("transient", detail="HTTP 500")])
    state.record_attempts(
        [
            attempt(attempts=5, seconds=1.0, first_at="2026-11-20T12:00:01Z", last_at="2026-11-20T12:00:09Z"),
            attempt("transient", attempts=2),
        ]
    )
    found = {row["outcome"]: row for row in state.attempts(NIGHT)}
    assert found["ok"] == attempt(attempts=15, seconds=3.0, first_at="2026-11-20T12:00:01Z", last_at="2026-11-20T12:00:09Z")
    assert (found["transient"]["attempts"], found["transient"]["detail"]) == (3, "HTTP 500")


def test_no_attempts_are_nothing(state: State) -> None:
    state.record_attempts([])
    assert state.attempts(NIGHT) == []


def test_a_region_status_that_was_set_is_kept_with_the_newest_winning(state: State) -> None:
    assert state.region_statuses() == {}
    state.set_region_status("KR", "test", "first weeks")
    state.set_region_status("US", "off", "no key")
    state.set_region_status("KR", "live", "promoted")
    assert state.region_statuses() == {"KR": "live", "US": "off"}


def test_operations_are_the_tables_a_replica_carries(state: State) -> None:
    begin(state)
    with state.stage(NIGHT, "plan"):
        pass
    copies = state.operations()
    assert tuple(copies) == REPLICATED
    assert copies["runs"]["run_id"].to_pylist() == [NIGHT]
    assert copies["stages"]["stage"].to_pylist() == ["plan"]
    assert copies["orders"].num_rows == 0


# ---- many at once ----


def test_processes_write_at_once_without_a_lock_error(tmp_path: Path) -> None:
    """Four processes, fifty events and fifty attempts each, on a state none of them has opened before."""
    home = tmp_path / "home"
    home.mkdir()
    writers = [
        subprocess.Popen(
            [sys.executable, str(CHILD), "write-state", str(home), f"writer-{number}", "50"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    said = [writer.communicate(timeout=60) for writer in writers]
    assert [(out.strip(), err) for out, err in said] == [('{"written": 50}', "")] * 4
    state = State(home)
    events = state.events()
    assert len(events) == 200
    for number in range(4):
        written = [row["detail"]["number"] for row in events if row["detail"]["by"] == f"writer-{number}"]
        assert written == list(range(50))
    assert [row["attempts"] for row in state.attempts("run")] == [200]
    state.close()


def test_threads_share_one_state(state: State) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(20):
                state.emit(f"{number}-{turn}", "KR")
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(state.events()) == 120


def test_many_threads_open_a_new_state_at_once(tmp_path: Path) -> None:
    """Each with a State of its own, as processes that start together have."""
    errors: list[BaseException] = []
    together = threading.Barrier(8)

    def work(number: int) -> None:
        opened = State(tmp_path / "home")
        together.wait()
        try:
            opened.emit(f"event-{number}", "KR")
        except StoreError as error:
            errors.append(error)
        finally:
            opened.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    last = State(tmp_path / "home")
    assert len(last.events()) == 8
    last.close()


def test_a_closed_state_opens_again_when_it_is_used(state: State) -> None:
    state.emit("one", "KR")
    state.close()
    state.emit("two", "KR")
    assert len(state.events()) == 2


def test_an_error_inside_a_write_leaves_the_connection_usable(state: State) -> None:
    with pytest.raises(StoreError):
        state.record_attempts([attempt(), attempt(capability=None)])
    assert state.attempts(NIGHT) == []
    state.record_attempts([attempt()])
    assert len(state.attempts(NIGHT)) == 1


# ---- files that can't be used ----


def refused(home: Path, kind: type[StoreError]) -> str:
    state = State(home)
    try:
        with pytest.raises(StoreError) as caught:
            state.emit("x", "KR")
    finally:
        state.close()
    assert type(caught.value) is kind, caught.value
    assert str(home) in str(caught.value)
    return str(caught.value)


def test_a_text_file_is_not_a_state(tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("notes of mine\n" * 1_000)
    assert "move it away" in refused(tmp_path, StoreForeign)
    assert (tmp_path / "state.sqlite").read_text().startswith("notes of mine")


def test_an_sqlite_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    assert "not Spock's state: move it away" in refused(tmp_path, StoreForeign)
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()


def by_hand(home: Path, text: str) -> None:
    with sqlite3.connect(home / "state.sqlite") as connection:
        connection.execute(text)
    connection.close()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A home with a state that holds one event."""
    state = State(tmp_path)
    state.emit("first", "KR")
    state.close()
    return tmp_path


def test_a_state_of_a_newer_spock(made: Path) -> None:
    by_hand(made, "INSERT INTO schema_migrations VALUES (9999, 'far_future', 'x', 'now')")
    said = refused(made, StoreTooNew)
    assert "schema 9999" in said
    assert "upgrade Spock" in said


def test_a_state_whose_migration_changed(made: Path) -> None:
    by_hand(made, "UPDATE schema_migrations SET checksum = 'other'")
    assert "changed after it ran" in refused(made, MigrationError)


def test_a_state_cut_in_half(made: Path) -> None:
    file = made / "state.sqlite"
    os.truncate(file, file.stat().st_size // 2)
    state = State(made)
    with pytest.raises(StoreError, match=r"state\.sqlite: is damaged: move it aside and restore"):
        state.events()
    state.close()


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    assert "point SPOCK_HOME elsewhere" in refused(tmp_path / "home", StoreReadOnly)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    place = tmp_path / "mount"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a tmpfs can't be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    free = os.statvfs(place)
    (place / "ballast").write_bytes(b"\0" * (free.f_bavail * free.f_frsize))
    return place / "ballast"


def test_a_read_only_mount_refuses_in_words(mount: Path) -> None:
    state = State(mount)
    state.emit("first", "KR")
    state.close()
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    assert "check the mount" in refused(mount, StoreReadOnly)


def test_a_disk_full_before_the_state_is_made(mount: Path) -> None:
    ballast = fill(mount)
    assert "no space left" in refused(mount, StoreFull)
    ballast.unlink()
    state = State(mount)
    state.emit("first", "KR")
    assert len(state.events()) == 1
    state.close()


def test_a_disk_full_before_a_state_is_opened_again(mount: Path) -> None:
    state = State(mount)
    state.emit("first", "KR")
    state.close()
    ballast = fill(mount)
    assert "no space left" in refused(mount, StoreFull)
    ballast.unlink()
    state.emit("second", "KR")
    assert [row["kind"] for row in state.events()] == ["first", "second"]
    state.close()


def test_a_disk_that_fills_up_refuses_and_goes_on_once_there_is_room(mount: Path) -> None:
    state = State(mount)
    state.emit("first", "KR")
    ballast = fill(mount)
    with pytest.raises(StoreFull, match="no space left"):
        state.emit("second", "KR", detail={"much": "x" * 200_000})
    ballast.unlink()
    state.emit("third", "KR")
    assert [row["kind"] for row in state.events()] == ["first", "third"]
    state.close()
