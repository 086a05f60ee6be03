"""Files and folders that can't be used: each the right error, naming the path and what to do, and nothing changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pipeline.errors import (
    MigrationError,
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from pipeline.store import Store

DATE = "2026-11-18"
COUNT = "SELECT count(*) FROM ohlcv_data"


@pytest.fixture
def filled(store: Store, make: SimpleNamespace) -> Store:
    rows = [make.bar(date, ticker=f"{ticker:06d}") for date in (DATE, "2026-11-19") for ticker in range(3_000)]
    make.commit(store, make.batch("one", *rows))
    return store


def refusal(store: Store, kind: type[StoreError]) -> str:
    """What both doors say; they must say the same kind."""
    said = ""
    for door in (look_at_nothing, write_nothing):
        with pytest.raises(StoreError) as caught:
            door(store)
        assert type(caught.value) is kind, caught.value
        said = str(caught.value)
    assert str(store.path) in said
    return said


def look_at_nothing(store: Store) -> None:
    store.look(lambda connection: pytest.fail("a bad file was opened"))


def write_nothing(store: Store) -> None:
    with store.write("nothing"):
        pytest.fail("a bad file was opened for writing")


def by_hand(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for text in statements:
            connection.execute(text)


def test_a_store_of_a_newer_spock(filled: Store) -> None:
    by_hand(filled.path, "INSERT INTO schema_migrations VALUES (9999, 'far_future', 'x', now())")
    before = filled.path.read_bytes()
    said = refusal(filled, StoreTooNew)
    assert "schema 9999" in said
    assert "upgrade Spock" in said
    assert filled.path.read_bytes() == before


def test_a_migration_whose_text_changed_after_it_ran(filled: Store) -> None:
    by_hand(filled.path, "UPDATE schema_migrations SET checksum = 'other'")
    said = refusal(filled, MigrationError)
    assert "0001_market changed after it ran" in said
    assert "reinstall" in said


@pytest.mark.parametrize(
    "keep",
    [lambda size: size - 1, lambda size: size - 4096, lambda size: size - 262_144, lambda size: size // 2,
     lambda size: 12_288 + 262_144, lambda size: 12_288, lambda size: 8_192, lambda size: 4_096, lambda size: 100],
    ids=["last byte", "last 4 KiB", "last block", "half", "one block", "headers", "two headers", "one header", "100 bytes"],
)  # fmt: skip
def test_a_file_cut_short(filled: Store, keep: Callable[[int], int]) -> None:
    left = keep(filled.path.stat().st_size)
    os.truncate(filled.path, left)
    said = refusal(filled, StoreCorrupt)
    assert "restore the last backup" in said
    assert filled.path.stat().st_size == left


def test_a_file_with_a_damaged_block(filled: Store) -> None:
    with open(filled.path, "r+b") as file:
        file.seek(12_288)
        file.write(os.urandom(65_536))
        file.seek(filled.path.stat().st_size // 2)
        file.write(os.urandom(65_536))
    with pytest.raises(StoreError) as caught:
        filled.look(lambda connection: connection.execute("SELECT sum(close) FROM ohlcv_data").fetchall())
    assert type(caught.value) is StoreCorrupt, caught.value
    assert str(filled.path) in str(caught.value)


def test_a_file_of_length_zero(filled: Store) -> None:
    os.truncate(filled.path, 0)
    with pytest.raises((StoreCorrupt, StoreForeign)) as caught:
        filled.look(lambda connection: None)
    assert str(filled.path) in str(caught.value)
    assert filled.path.stat().st_size == 0


def test_a_text_file(absent: Store) -> None:
    absent.home.mkdir()
    absent.path.write_text("notes of mine, not a database\n" * 1_000)
    assert "move it away" in refusal(absent, StoreForeign)
    assert absent.path.read_text().startswith("notes of mine")


def test_an_sqlite_file(absent: Store) -> None:
    absent.home.mkdir()
    with sqlite3.connect(absent.path) as connection:
        connection.execute("CREATE TABLE ohlcv_data (ticker TEXT)")
    connection.close()
    before = absent.path.read_bytes()
    assert "move it away" in refusal(absent, StoreForeign)
    assert absent.path.read_bytes() == before


def test_a_duckdb_file_of_somebody_else(absent: Store) -> None:
    absent.home.mkdir()
    by_hand(absent.path, "CREATE TABLE mine (a INTEGER)", "INSERT INTO mine VALUES (1)")
    assert "not a Spock store: move it away" in refusal(absent, StoreForeign)
    with duckdb.connect(str(absent.path)) as connection:
        assert connection.execute("SELECT table_name, (SELECT a FROM mine) FROM duckdb_tables()").fetchall() == [("mine", 1)]


def test_a_folder_in_the_place_of_the_file(absent: Store) -> None:
    absent.path.mkdir(parents=True)
    with pytest.raises(StoreError, match=r"spock\.duckdb"):
        absent.look(lambda connection: None)


def test_a_file_another_program_holds_open(filled: Store, child: Callable[..., Any], make: SimpleNamespace) -> None:
    shell = child("hold-file", filled.home)
    shell.line()
    said = refusal(filled, StoreLocked)
    assert "close it and query the replica instead" in said
    shell.tell()
    shell.process.wait(10)
    assert make.ask(filled, COUNT) == [(6_000,)]


def test_a_write_ahead_log_without_its_store(filled: Store) -> None:
    wal = filled.path.with_name("spock.duckdb.wal")
    filled.path.rename(wal)
    with pytest.raises(StoreCorrupt, match="write-ahead log without its store: move it away, or restore"):
        filled.look(lambda connection: None)
    assert not filled.path.exists()


def test_a_write_ahead_log_of_another_store_is_not_replayed(
    filled: Store, tmp_path: Path, child: Callable[..., Any], make: SimpleNamespace
) -> None:
    other = child("leave-wal", tmp_path / "other")
    other.line()
    other.kill()
    wal = filled.path.with_name("spock.duckdb.wal")
    shutil.copyfile(tmp_path / "other" / "spock.duckdb.wal", wal)
    refusal(filled, StoreCorrupt)
    wal.unlink()
    assert make.ask(filled, COUNT) == [(6_000,)]


@pytest.mark.parametrize("place", ["the home is a file", "its parent is a file"])
def test_a_home_that_cannot_be_made(tmp_path: Path, place: str) -> None:
    blocker = tmp_path / "blocker"
    blocker.write_text("a file")
    home = blocker if place == "the home is a file" else blocker / "home"
    with pytest.raises(StoreReadOnly, match=r"can't be made .*: point SPOCK_HOME") as caught:
        Store(home).look(lambda connection: None)
    assert str(home) in str(caught.value)


# ---- mounts ----

Mounted = Callable[..., Path]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    """Mounts a small tmpfs; skips where that is not allowed."""
    places: list[Path] = []

    def mount(size: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("mounting a tmpfs needs root")
        place = tmp_path / f"mount-{len(places)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"a tmpfs can't be mounted here: {done.stderr.strip()}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def fill(place: Path, leave: int = 0) -> Path:
    """Take all space of a mount but `leave` bytes."""
    ballast = place / "ballast"
    free = os.statvfs(place)
    take = free.f_bavail * free.f_frsize - leave
    with open(ballast, "wb") as file:
        file.write(b"\0" * max(take, 0))
    return ballast


def full_words(said: str, home: Path) -> None:
    assert str(home) in said
    assert "no space left" in said.lower()
    assert "free space" in said


def test_a_disk_full_before_the_first_write(mounted: Mounted, make: SimpleNamespace) -> None:
    place = mounted("8m")
    home = place / "home"
    ballast = fill(place)
    with pytest.raises(StoreFull) as caught:
        make.commit(Store(home), make.batch("one", make.bar(DATE)))
    full_words(str(caught.value), home)
    ballast.unlink()
    make.commit(Store(home), make.batch("one", make.bar(DATE)))
    assert make.ask(Store(home), COUNT) == [(1,)]


def test_a_disk_with_room_for_half_a_new_store(mounted: Mounted, make: SimpleNamespace) -> None:
    place = mounted("8m")
    home = place / "home"
    ballast = fill(place, leave=300_000)
    with pytest.raises(StoreFull) as caught:
        make.commit(Store(home), make.batch("one", make.bar(DATE)))
    full_words(str(caught.value), home)
    ballast.unlink()
    make.commit(Store(home), make.batch("one", make.bar(DATE)))
    assert make.ask(Store(home), COUNT) == [(1,)]


def test_a_disk_full_when_the_lock_is_taken(mounted: Mounted, make: SimpleNamespace) -> None:
    place = mounted("16m")
    store = Store(place / "home")
    make.commit(store, make.batch("one", make.bar(DATE)))
    ballast = fill(place)
    with pytest.raises(StoreFull) as caught:
        make.commit(store, make.batch("two", *(make.bar("2026-11-19", ticker=str(number)) for number in range(5_000))))
    full_words(str(caught.value), store.home)
    ballast.unlink()
    assert make.ask(store, "SELECT batch_id FROM commits") == [("one",)]


def test_a_disk_full_in_the_middle_of_a_batch(mounted: Mounted, make: SimpleNamespace) -> None:
    place = mounted("16m")
    store = Store(place / "home")
    make.commit(store, make.batch("one", make.bar(DATE, 100.0)))
    ballast = fill(place, leave=400_000)
    many = make.batch("two", *(make.bar("2026-11-19", 100 + number * 1.37, ticker=f"{number:06d}") for number in range(30_000)))
    with pytest.raises(StoreFull) as caught:
        make.commit(store, many)
    full_words(str(caught.value), store.home)
    ballast.unlink()
    assert make.ask(store, "SELECT batch_id FROM commits") == [("one",)]
    assert make.ask(store, "SELECT close FROM ohlcv_data") == [(100.0,)]
    make.commit(store, many)
    assert make.ask(store, COUNT) == [(30_001,)]


@pytest.mark.parametrize(
    ("leave", "stages"),
    [(0, 0), (20_000, 0), (1 << 30, 50_000)],
    ids=["nothing left", "hardly anything", "room for the copy but not for the tables"],
)
def test_a_disk_full_at_publish(mounted: Mounted, make: SimpleNamespace, leave: int, stages: int) -> None:
    place = mounted("32m")
    store = Store(place / "home")
    make.commit(store, make.batch("one", make.bar(DATE, 100.0)))
    first = make.publish(store)
    wide = [make.bar("2026-11-19", 100 + number * 1.37, ticker=f"{number:06d}") for number in range(20_000)]
    make.commit(store, make.batch("two", *wide))
    ballast = fill(place, leave=min(leave, store.path.stat().st_size + 4_096))
    many = pa.table(
        {
            "run_id": [hashlib.sha256(str(number).encode()).hexdigest() for number in range(stages)],
            "stage": ["fetch"] * stages,
            "status": ["complete"] * stages,
            "started_at": ["2026-11-20T12:00:00Z"] * stages,
        }
    )
    with pytest.raises(StoreFull) as caught:
        store.publish({"stages": many} if stages else {})
    full_words(str(caught.value), store.home)
    assert sorted(path.name for path in store.home.glob("replica*")) == [first.name, "replica.duckdb"]
    with store.read() as connection:
        assert connection.execute(COUNT).fetchall() == [(1,)]
    ballast.unlink()
    make.publish(store)
    with store.read() as connection:
        assert connection.execute(COUNT).fetchall() == [(20_001,)]


def test_a_read_only_mount_can_be_read_and_not_written(mounted: Mounted, make: SimpleNamespace) -> None:
    place = mounted("16m")
    store = Store(place / "home")
    make.commit(store, make.batch("one", make.bar(DATE)))
    make.publish(store)
    remount(place, "ro")
    with pytest.raises(StoreReadOnly, match="can't be written") as caught:
        make.commit(store, make.batch("two", make.bar("2026-11-19")))
    assert str(store.home) in str(caught.value)
    assert "SPOCK_HOME" in str(caught.value)
    with pytest.raises(StoreReadOnly):
        store.publish({})
    with store.read() as connection:
        assert connection.execute(COUNT).fetchall() == [(1,)]
    remount(place, "rw")
    make.commit(store, make.batch("two", make.bar("2026-11-19")))
    assert make.ask(store, COUNT) == [(2,)]


def test_a_new_home_on_a_read_only_mount(mounted: Mounted) -> None:
    place = mounted("1m")
    remount(place, "ro")
    with pytest.raises(StoreReadOnly, match=r"can't be made \(Read-only file system\): point SPOCK_HOME"):
        Store(place / "home").look(lambda connection: None)
