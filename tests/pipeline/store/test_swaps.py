"""Another file takes the main file's place: checked first, safe from a leftover write-ahead log, the old file kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipeline.errors import StoreCorrupt, StoreForeign, StoreTooNew
from pipeline.store import Store

DATE = "2026-11-18"
COUNT = "SELECT count(*) FROM ohlcv_data"


@pytest.fixture
def new(store: Store, home: Path, make: SimpleNamespace) -> Path:
    """A store file of two bars beside a main file of one."""
    other = Store(home / "other")
    make.commit(other, make.batch("new", make.bar(DATE, 7), make.bar("2026-11-19", 7)))
    make.commit(store, make.batch("old", make.bar(DATE, 100)))
    return other.path.rename(home / "spock.duckdb.new")


def test_the_new_file_takes_the_place_and_the_old_one_is_kept(store: Store, new: Path, make: SimpleNamespace) -> None:
    aside = store.swap_in(new)
    assert aside is not None
    assert make.ask(store, "SELECT batch_id FROM commits") == [("new",)]
    assert not new.exists()
    with duckdb.connect(str(aside), read_only=True) as old:
        assert old.execute("SELECT batch_id FROM commits").fetchall() == [("old",)]
    make.commit(store, make.batch("later", make.bar("2026-11-20", 8)))
    assert make.ask(store, COUNT) == [(3,)]


def test_the_first_file_of_a_home_leaves_nothing_aside(store: Store, new: Path, tmp_path: Path, make: SimpleNamespace) -> None:
    fresh = Store(tmp_path / "fresh")
    fresh.home.mkdir()
    assert fresh.swap_in(new) is None
    assert make.ask(fresh, COUNT) == [(2,)]


def test_readers_keep_their_replica_through_a_swap(store: Store, new: Path, make: SimpleNamespace) -> None:
    make.publish(store)
    with store.read() as connection:
        store.swap_in(new)
        assert connection.execute(COUNT).fetchall() == [(1,)]
    with store.read() as connection:
        assert connection.execute(COUNT).fetchall() == [(1,)]
    make.publish(store)
    with store.read() as connection:
        assert connection.execute(COUNT).fetchall() == [(2,)]


def test_a_leftover_log_of_the_old_file_does_not_meet_the_new_one(
    tmp_path: Path, new: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    killed = child("leave-wal", tmp_path / "killed")
    killed.line()
    killed.kill()
    store = Store(tmp_path / "killed")
    assert store.path.with_name("spock.duckdb.wal").exists()
    store.swap_in(new)
    assert make.ask(store, "SELECT batch_id FROM commits") == [("new",)]


def test_what_was_only_in_the_old_files_log_opens_with_the_file_kept_aside(
    tmp_path: Path, new: Path, child: Callable[..., Any]
) -> None:
    killed = child("leave-wal", tmp_path / "killed")
    killed.line()
    killed.kill()
    aside = Store(tmp_path / "killed").swap_in(new)
    with duckdb.connect(str(aside)) as old:
        assert old.execute(COUNT).fetchall() == [(20,)]


def test_the_new_files_own_log_is_written_into_it_first(
    store: Store, tmp_path: Path, make: SimpleNamespace, child: Callable[..., Any]
) -> None:
    killed = child("leave-wal", tmp_path / "killed")
    killed.line()
    killed.kill()
    make.commit(store, make.batch("old", make.bar(DATE)))
    store.swap_in(tmp_path / "killed" / "spock.duckdb")
    assert make.ask(store, COUNT) == [(20,)]


@pytest.mark.parametrize("bad", ["text", "foreign", "newer", "cut"])
def test_a_file_that_cannot_be_used_is_not_swapped_in(store: Store, new: Path, make: SimpleNamespace, bad: str) -> None:
    kinds = {"text": StoreForeign, "foreign": StoreForeign, "newer": StoreTooNew, "cut": StoreCorrupt}
    if bad == "text":
        new.write_text("not a database\n" * 1_000)
    elif bad == "foreign":
        new.unlink()
        with duckdb.connect(str(new)) as connection:
            connection.execute("CREATE TABLE mine (a INTEGER)")
    elif bad == "newer":
        with duckdb.connect(str(new)) as connection:
            connection.execute("INSERT INTO schema_migrations VALUES (9999, 'far_future', 'x', now())")
    else:
        with new.open("r+b") as file:
            file.truncate(new.stat().st_size - 4096)
    with pytest.raises(kinds[bad]) as caught:
        store.swap_in(new)
    assert str(new) in str(caught.value)
    assert make.ask(store, "SELECT batch_id FROM commits") == [("old",)]
    assert new.exists()
