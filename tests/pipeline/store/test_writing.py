"""One writer: rolled back by any error, waiting its turn, killed at any moment without a trace."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipeline.errors import StoreError, StoreLocked
from pipeline.store import Store

DATE = "2026-11-18"
COUNT = "SELECT count(*) FROM ohlcv_data"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, sqlite3.OperationalError, MemoryError])
def test_an_error_of_any_kind_rolls_the_block_back_and_goes_on_up(
    store: Store, make: SimpleNamespace, error: type[BaseException]
) -> None:
    make.commit(store, make.batch("one", make.bar(DATE, 100)))

    def break_off(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("DELETE FROM ohlcv_data")
        raise error("on the way")

    with pytest.raises(error, match="on the way"), store.write("block") as connection:
        break_off(connection)
    assert make.ask(store, COUNT) == [(1,)]
    make.commit(store, make.batch("two", make.bar("2026-11-19", 101)))
    assert make.ask(store, COUNT) == [(2,)]


def test_an_error_of_the_block_that_is_not_the_stores_keeps_its_kind(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), store.write("block"):
        (tmp_path / "elsewhere").read_bytes()


def test_a_permission_denied_elsewhere_is_not_blamed_on_the_store(store: Store) -> None:
    with pytest.raises(PermissionError), store.write("block"):
        raise PermissionError(13, "Permission denied", "/elsewhere/spool.parquet")


def test_a_statement_that_fails_is_not_called_a_damaged_file(store: Store) -> None:
    with (
        pytest.raises((StoreError, duckdb.Error), match="no_such_checksum") as caught,
        store.write("block") as connection,
    ):
        connection.execute("SELECT no_such_checksum FROM ohlcv_data")
    assert "damaged" not in str(caught.value)


def test_a_failed_statement_rolls_back_and_frees_the_lock(store: Store, make: SimpleNamespace) -> None:
    insert = "INSERT INTO store_origin VALUES ('live', now(), 'run'); INSERT INTO store_origin VALUES ('live', now(), NULL)"
    with pytest.raises(StoreError, match="NOT NULL"), store.write("block") as connection:
        connection.execute(insert)
    assert make.ask(store, "FROM store_origin") == []


def test_nobody_keeps_the_main_file_open_between_writes(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    with duckdb.connect(str(store.path), config={"memory_limit": "1GB"}) as foreign:
        assert foreign.execute(COUNT).fetchall() == [(1,)]
    assert not store.path.with_name("spock.duckdb.wal").exists()


def test_a_writer_waits_for_another_process_and_says_for_whom(
    home: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    holder = child("hold-lock", home, "nightly KR")
    holder.line()
    heard: list[str] = []
    waiting = Store(home, lock_wait_seconds=20, say=heard.append)
    timer = threading.Timer(1.4, holder.tell)
    timer.start()
    try:
        make.commit(waiting, make.batch("one", make.bar(DATE)))
    finally:
        timer.join()
    assert heard == [f"waiting for process {holder.process.pid} (nightly KR) to finish writing to {home}"]
    assert make.ask(waiting, COUNT) == [(1,)]


def test_a_wait_that_is_too_long_names_the_holder(home: Path, child: Callable[..., Any]) -> None:
    holder = child("hold-lock", home, "backfill KR")
    holder.line()
    began = time.monotonic()
    with pytest.raises(StoreLocked) as caught, Store(home, lock_wait_seconds=0.3).write("second"):
        pytest.fail("two writers at once")
    assert 0.3 <= time.monotonic() - began < 1.5
    said = str(caught.value)
    assert str(home) in said
    assert f"process {holder.process.pid} (backfill KR)" in said
    assert "store.lock_wait_seconds" in said
    with pytest.raises(StoreLocked, match="backfill KR"):
        Store(home, lock_wait_seconds=0.1).look(lambda connection: None)


def test_a_holder_that_is_killed_frees_the_lock(home: Path, make: SimpleNamespace, child: Callable[..., Any]) -> None:
    holder = child("hold-lock", home, "nightly KR")
    holder.line()
    holder.kill()
    store = Store(home, lock_wait_seconds=0.5)
    make.commit(store, make.batch("one", make.bar(DATE)))
    assert make.ask(store, COUNT) == [(1,)]


def test_threads_of_one_process_take_turns(store: Store, make: SimpleNamespace) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        with store.write("turn") as connection:
            inside.append(number)
            most.append(len(inside))
            connection.execute("INSERT INTO store_origin VALUES ('live', now(), ?)", [str(number)])
            time.sleep(0.01)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert make.ask(store, "SELECT count(*) FROM store_origin") == [(6,)]


@pytest.mark.parametrize(("moment", "batches"), [("after BEGIN", 1), ("before COMMIT", 1), ("after COMMIT", 2)])
def test_a_writer_killed_inside_a_transaction_leaves_the_committed_batches(
    home: Path, make: SimpleNamespace, child: Callable[..., Any], moment: str, batches: int
) -> None:
    writer = child("commit-and-stop", home, moment)
    writer.line()
    writer.kill()
    store = Store(home)
    assert (
        make.ask(store, "SELECT batch_id, stored FROM commits ORDER BY ALL")
        == [
            ("batch-0", 500),
            ("batch-1", 5_000),
        ][:batches]
    )
    assert make.ask(store, COUNT) == [(500 + 5_000 * (batches - 1),)]


def test_a_writer_killed_at_any_moment_leaves_exactly_the_committed_batches(
    tmp_path: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    pause = random.Random(20261121)
    for number in range(3):
        home = tmp_path / f"home-{number}"
        writer = child("commit-forever", home, "300")
        writer.line()
        time.sleep(pause.uniform(0.05, 0.35))
        writer.kill()
        said = writer.rest()
        committed = max((line["committed"] for line in said if "committed" in line), default=-1)
        begun = max((line["begun"] for line in said if "begun" in line), default=0)
        store = Store(home)
        store.look(lambda connection: None)  # a kill may have come before there was a store
        found = make.ask(store, "SELECT count(*) FROM commits")[0][0]
        assert committed + 1 <= found <= begun + 1
        by_batch = "SELECT (close - 1)::INTEGER, count(*) FROM ohlcv_data GROUP BY close ORDER BY close"
        assert make.ask(store, by_batch) == [(batch, 300) for batch in range(found)]


def test_a_batch_left_in_the_write_ahead_log_is_there_after_reopening(
    home: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    writer = child("leave-wal", home)
    writer.line()
    writer.kill()
    assert (home / "spock.duckdb.wal").stat().st_size > 0
    assert make.ask(Store(home), COUNT) == [(20,)]


def test_work_computes_without_the_lock(store: Store, home: Path, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DATE, 100)))

    def compute(closes: list[float]) -> float:
        other = Store(home, lock_wait_seconds=0.5)
        make.commit(other, make.batch("meanwhile", make.bar("2026-11-19", 101)))
        return sum(closes) * 2

    def write(connection: duckdb.DuckDBPyConnection, doubled: float) -> tuple[float, int]:
        make_visible = connection.execute(COUNT).fetchall()[0][0]
        connection.execute("UPDATE store_origin SET run_id = ?", [str(doubled)])
        return doubled, make_visible

    read: Callable[[duckdb.DuckDBPyConnection], list[float]] = lambda connection: [  # noqa: E731
        close for (close,) in connection.execute("SELECT close FROM ohlcv_data").fetchall()
    ]
    assert store.work(read, compute, write) == (200.0, 2)
    assert make.ask(store, "SELECT run_id FROM store_origin") == [("200.0",)]


def test_work_that_fails_while_writing_changes_nothing(store: Store, make: SimpleNamespace) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))

    def write(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
        connection.execute("DELETE FROM ohlcv_data")
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        store.work(lambda connection: 1, lambda rows: rows, write)
    assert make.ask(store, COUNT) == [(1,)]


def test_a_memory_limit_is_taken(home: Path) -> None:
    limited = Store(home, memory_limit="123MB")
    limit = limited.look(lambda connection: connection.execute("SELECT current_setting('memory_limit')").fetchall())
    assert limit == [("117.3 MiB",)]
