"""A store of an older schema is brought to today's at its next opening: a verified copy first, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

import pipeline.migrations
from pipeline.errors import MigrationError
from pipeline.migrations import Migration, migrations
from pipeline.store import Store

DATE = "2026-11-18"
GOOD = "CREATE TABLE notes (text VARCHAR NOT NULL);\nINSERT INTO notes VALUES ('from the migration');"
BAD = "DELETE FROM ohlcv_data;\nCREATE TABLE notes (text VARCHAR);\nSELECT no_such_function();"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes this Spock a newer one: it knows the migrations there are and these."""
    known = migrations("store")

    def know(*scripts: str) -> None:
        extra = tuple(
            Migration(known[-1].number + number, f"extra_{number}", sql, hashlib.sha256(sql.encode()).hexdigest())
            for number, sql in enumerate(scripts, start=1)
        )
        monkeypatch.setattr(pipeline.migrations, "migrations", lambda database: known + extra)

    return know


def ask(store: Store, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query through the store's door, which migrates."""
    return store.look(lambda connection: connection.execute(query).fetchall())


def copies(home: Path) -> list[Path]:
    return sorted((home / "backups").glob("*"))


def test_a_new_store_has_a_record_of_every_migration(absent: Store, make: SimpleNamespace) -> None:
    found = ask(absent, "SELECT number, name, checksum FROM schema_migrations ORDER BY number")
    assert found == [(one.number, one.name, one.checksum) for one in migrations("store")]
    assert not (absent.home / "backups").exists()


def test_an_older_store_is_copied_and_migrated(store: Store, make: SimpleNamespace, later: Callable[..., None]) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    later(GOOD, "ALTER TABLE notes ADD COLUMN author VARCHAR;")
    heard: list[str] = []
    opened = Store(store.home, say=heard.append)
    assert ask(opened, "FROM notes") == [("from the migration", None)]
    assert ask(opened, "SELECT count(*) FROM ohlcv_data") == [(1,)]
    names = "SELECT name FROM schema_migrations ORDER BY number"
    assert ask(opened, names)[-2:] == [("extra_1",), ("extra_2",)]
    (copy,) = copies(store.home)
    assert len(heard) == 1
    assert str(copy) in heard[0]
    with duckdb.connect(str(copy), read_only=True) as old:
        assert old.execute("SELECT count(*) FROM ohlcv_data").fetchall() == [(1,)]
        assert old.execute(names).fetchall() == [(one.name,) for one in migrations("store")]


def test_a_store_is_migrated_once(store: Store, make: SimpleNamespace, later: Callable[..., None]) -> None:
    later(GOOD)
    for _ in range(3):
        assert ask(store, "SELECT count(*) FROM notes") == [(1,)]
    assert len(copies(store.home)) == 1


def test_a_new_store_gets_all_migrations_without_a_copy(
    absent: Store, make: SimpleNamespace, later: Callable[..., None]
) -> None:
    later(GOOD)
    assert ask(absent, "FROM notes") == [("from the migration",)]
    assert copies(absent.home) == []


def test_a_failing_migration_leaves_the_store_as_it_was(
    store: Store, make: SimpleNamespace, later: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    left = make.everything(store)
    with monkeypatch.context() as patched:
        known = migrations("store")
        bad = (*known, Migration(known[-1].number + 1, "extra_bad", BAD, "x"))
        patched.setattr(pipeline.migrations, "migrations", lambda database: bad)
        with pytest.raises(MigrationError) as caught:
            store.look(lambda connection: None)
    said = str(caught.value)
    assert str(store.path) in said
    assert "extra_bad failed and was rolled back" in said
    assert str(copies(store.home)[0]) in said
    assert make.everything(store) == left
    assert ask(store, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'notes'") == [(0,)]


def test_of_two_migrations_the_first_stands_when_the_second_fails(
    store: Store, make: SimpleNamespace, later: Callable[..., None]
) -> None:
    make.commit(store, make.batch("one", make.bar(DATE)))
    later(GOOD, "DELETE FROM ohlcv_data; SELECT no_such_function();")
    with pytest.raises(MigrationError, match="extra_2 failed"):
        store.look(lambda connection: None)
    later(GOOD)
    assert ask(store, "SELECT count(*) FROM notes") == [(1,)]
    assert ask(store, "SELECT count(*) FROM ohlcv_data") == [(1,)]


def test_what_a_killed_writer_left_in_the_log_is_in_the_copy_too(
    home: Path, make: SimpleNamespace, later: Callable[..., None], child: Callable[..., Any]
) -> None:
    killed = child("leave-wal", home)
    killed.line()
    killed.kill()
    later(GOOD)
    assert ask(Store(home), "SELECT count(*) FROM ohlcv_data") == [(20,)]
    (copy,) = copies(home)
    with duckdb.connect(str(copy), read_only=True) as old:
        assert old.execute("SELECT count(*) FROM ohlcv_data").fetchall() == [(20,)]


def test_readers_keep_the_old_replica_until_a_publish(store: Store, make: SimpleNamespace, later: Callable[..., None]) -> None:
    make.publish(store)
    later(GOOD)
    store.look(lambda connection: None)
    with store.read() as connection, pytest.raises(duckdb.CatalogException, match="notes"):
        connection.execute("FROM notes")
    make.publish(store)
    with store.read() as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchall() == [(1,)]


def test_a_migrated_store_is_too_new_for_the_spock_before(
    store: Store, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        known = migrations("store")
        newer = (*known, Migration(known[-1].number + 1, "extra", GOOD, "x"))
        patched.setattr(pipeline.migrations, "migrations", lambda database: newer)
        store.look(lambda connection: None)
    with pytest.raises(Exception, match=r"newer Spock .*upgrade Spock"):
        store.look(lambda connection: None)
