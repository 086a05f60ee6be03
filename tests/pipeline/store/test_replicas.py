"""Published replicas: read-only files behind a symlink; readers and writers never wait for each other."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipeline.errors import DuplicateRows, NoReplica, StoreError
from pipeline.state import State
from pipeline.store import Store, replica
from pipeline.store.file import connect

DATE = "2026-11-18"
COUNT = "SELECT count(*) FROM ohlcv_data"


def count(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute(COUNT).fetchall()[0][0])


def replicas(home: Path) -> list[str]:
    return sorted(path.name for path in home.glob("replica*"))


def test_before_the_first_publish_there_is_nothing_to_read(absent: Store, make: SimpleNamespace) -> None:
    with pytest.raises(NoReplica, match="nothing has been published yet: run `spock"):
        absent.read()
    assert not absent.home.exists()
    make.commit(absent, make.batch("one", make.bar(DATE)))
    with pytest.raises(NoReplica):
        absent.read()


def test_a_replica_is_a_read_only_file_behind_a_link(store: Store, home: Path, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    published = make.publish(store)
    assert published == home / "replica-1.duckdb"
    assert stat.S_IMODE(published.stat().st_mode) == 0o444
    assert os.readlink(home / "replica.duckdb") == "replica-1.duckdb"
    with store.read() as connection:
        assert count(connection) == 1
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("DELETE FROM ohlcv_data")


def test_readers_see_what_was_published_and_no_more(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    make.publish(store)
    make.commit(store, make.batch("two", make.bar("2026-11-19")))
    with store.read() as connection:
        assert count(connection) == 1
    make.publish(store)
    with store.read() as connection:
        assert count(connection) == 2


def test_two_replicas_are_kept(store: Store, home: Path, make: SimpleNamespace) -> None:
    for number in range(1, 5):
        make.commit(store, make.batch(f"batch-{number}", make.bar(f"2026-11-1{number}")))
        assert make.publish(store).name == f"replica-{number}.duckdb"
    assert replicas(home) == ["replica-3.duckdb", "replica-4.duckdb", "replica.duckdb"]
    assert os.readlink(home / "replica.duckdb") == "replica-4.duckdb"


def test_what_a_cut_off_publish_left_is_cleared_by_the_next(store: Store, home: Path, make: SimpleNamespace) -> None:
    make.publish(store)
    (home / "replica-2.draft").write_bytes(b"half")
    (home / "replica-2.draft.wal").write_bytes(b"half")
    (home / "replica.duckdb.draft").symlink_to("nowhere")
    make.publish(store)
    assert replicas(home) == ["replica-1.duckdb", "replica-2.duckdb", "replica.duckdb"]
    with store.read() as connection:
        assert count(connection) == 0


def test_a_replica_carries_the_operations_of_its_moment(store: Store, home: Path, make: SimpleNamespace) -> None:
    state = State(home)
    state.begin_run(
        "night",
        kind="night",
        region="KR",
        first_session=make.day(DATE),
        target_session=make.day(DATE),
        origin="sandbox",
        as_of=make.NOW,
    )
    with state.stage("night", "fetch") as note:
        note["detail"] = "12 of 12"
    state.set_region_status("KR", "test", "first weeks")
    state.end_run("night", "complete", sessions=1, coverage=1.0)
    store.publish(state.operations())
    state.end_run("night", "failed", error="later")
    state.close()
    with store.read() as connection:
        runs = "SELECT run_id, target_session::VARCHAR, status, sessions, coverage, as_of FROM runs"
        assert connection.execute(runs).fetchall() == [("night", DATE, "complete", 1, 1.0, make.NOW)]
        assert connection.execute("SELECT stage, status, detail FROM stages").fetchall() == [("fetch", "complete", "12 of 12")]
        assert connection.execute("SELECT region, status FROM region_status").fetchall() == [("KR", "test")]


def test_a_replica_says_as_of_when_it_is(store: Store, make: SimpleNamespace) -> None:
    make.publish(store)
    with store.read() as connection:
        assert connection.execute("FROM replica_info").fetchall() == [(make.NOW, make.NOW, make.RUN)]


@pytest.mark.parametrize(
    ("table", "fill"),
    [
        ("ohlcv_data", "INSERT INTO ohlcv_data FROM ohlcv_data"),
        (
            "session_states",
            "INSERT INTO session_states "
            "SELECT 'KR', 'X', DATE '2026-11-18', 'gap', 'r', NULL, 1, 'kis', now(), 'run' FROM range(2)",
        ),
        (
            "index_bars",
            "INSERT INTO index_bars (region, index_code, date, close, currency, provider, finality, known_at, run_id) "
            "SELECT 'KR', 'KOSPI', DATE '2026-11-18', 1, 'KRW', 'kis', 'final', now(), 'run' FROM range(2)",
        ),
        (
            "technical_analysis",
            "INSERT INTO technical_analysis (region, ticker, timeframe, date, provider, known_at, run_id) "
            "SELECT 'KR', 'X', 'D', DATE '2026-11-18', 'spock', now(), 'run' FROM range(2)",
        ),
    ],
)
def test_a_duplicate_is_not_published_and_readers_keep_what_they_have(
    store: Store, home: Path, make: SimpleNamespace, table: str, fill: str
) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    make.publish(store)
    with store.write("by hand") as connection:
        connection.execute(fill)
    with pytest.raises(DuplicateRows, match=f"1 keys stand more than once in {table}: not published"):
        make.publish(store)
    assert replicas(home) == ["replica-1.duckdb", "replica.duckdb"]
    with store.read() as connection:
        assert count(connection) == 1


def test_a_reader_that_never_closes_stays_stable_and_holds_up_nobody(
    store: Store, home: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    make.commit(store, make.batch("zero", make.bar("2026-11-10")))
    make.publish(store)
    outside = child("keep-reading", home)
    assert outside.line() == {"rows": 1}
    inside = store.read()
    longest = 0.0
    for number in range(1, 6):
        began = time.monotonic()
        make.commit(store, make.batch(f"batch-{number}", make.bar(f"2026-11-1{number}")))
        longest = max(longest, time.monotonic() - began)
        began = time.monotonic()
        make.publish(store)
        longest = max(longest, time.monotonic() - began)
        outside.tell()
        assert outside.line() == {"rows": 1}
        assert count(inside) == 1
        assert count(inside.cursor()) == 1
    assert longest < 1.0
    with store.read() as fresh:
        assert count(fresh) == 6
    inside.close()


def test_readers_race_publishes_and_always_see_a_whole_store(
    store: Store, home: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    def bars(number: int) -> list[dict[str, Any]]:
        date = f"2026-{1 + number // 28:02d}-{1 + number % 28:02d}"
        return [make.bar(date, ticker=f"{ticker:06d}") for ticker in range(50)]

    make.commit(store, make.batch("batch-0", *bars(0)))
    make.publish(store)
    readers = [child("read-forever", home, "2") for _ in range(2)]
    for reader in readers:
        reader.line()
    published = 1
    end = time.monotonic() + 2
    longest = 0.0
    while time.monotonic() < end:
        began = time.monotonic()
        make.commit(store, make.batch(f"batch-{published}", *bars(published)))
        make.publish(store)
        longest = max(longest, time.monotonic() - began)
        published += 1
    for reader in readers:
        said = reader.line()
        assert said["ordered"]
        assert said["opened"] > 5
        assert 1 < said["last"] <= published
    assert published > 5
    assert longest < 2.0


def test_publishes_between_finding_a_replica_and_opening_it_break_no_reader(
    store: Store, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.publish(store)
    behind: list[int] = [1]

    def slow(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        if read_only and behind:
            behind.pop()
            make.publish(store)
            make.publish(store)
        return connect(path, read_only=read_only)

    monkeypatch.setattr(replica, "connect", slow)
    with store.read() as connection:
        assert count(connection) == 0


def test_publishes_between_opening_a_replica_and_checking_it_break_no_reader(
    store: Store, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.publish(store)
    behind: list[int] = [1]

    def slow(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
        connection = connect(path, read_only=read_only)
        if read_only and behind:
            behind.pop()
            make.publish(store)
            make.publish(store)
        return connection

    monkeypatch.setattr(replica, "connect", slow)
    with store.read() as connection:
        assert count(connection) == 0


def test_a_link_to_nowhere_says_so(store: Store, home: Path, make: SimpleNamespace) -> None:
    make.publish(store).unlink()
    with pytest.raises(NoReplica, match=r"replica-1\.duckdb, which is gone"):
        store.read()


def test_a_replica_cut_short_is_not_read(store: Store, home: Path, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", *(make.bar(DATE, ticker=f"{ticker:06d}") for ticker in range(500))))
    published = make.publish(store)
    published.chmod(0o644)
    os.truncate(published, published.stat().st_size - 4096)
    with pytest.raises(StoreError, match=r"replica-1\.duckdb"):
        store.read()


def test_publishing_keeps_other_files_of_the_home(store: Store, home: Path, make: SimpleNamespace) -> None:
    make.publish(store)
    strange = home / "replica-notes.duckdb"
    strange.write_text("mine")
    for _ in range(3):
        make.publish(store)
    assert strange.read_text() == "mine"


def test_a_home_copied_with_its_links_followed_can_be_read(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar("2026-11-20")))
    published = make.publish(store)
    link = store.home / "replica.duckdb"
    link.unlink()
    shutil.copyfile(published, link)

    with store.read() as connection:
        assert connection.execute("SELECT count(*) FROM ohlcv_data").fetchall() == [(1,)]
    make.publish(store)
    assert link.is_symlink()
