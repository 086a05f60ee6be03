"""Which migrations there are, and what has to hold between the files and a database's record of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import MigrationError, StoreTooNew
from pipeline.migrations import migrations, pending

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in the place of the packaged ones."""
    monkeypatch.setattr("pipeline.migrations.resources", SimpleNamespace(path=lambda *parts: tmp_path))
    migrations.cache_clear()
    yield tmp_path
    migrations.cache_clear()


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(f"-- {name}\n", encoding="utf-8")


@pytest.mark.parametrize("database", ["store", "state"])
def test_the_packaged_files_are_numbered_from_one_and_known_by_their_checksum(database: str) -> None:
    found = migrations(database)
    files = sorted((ROOT / "migrations" / database).glob("*.sql"))
    assert [f"{one.number:04d}_{one.name}.sql" for one in found] == [file.name for file in files]
    assert [one.checksum for one in found] == [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert [one.number for one in found] == list(range(1, len(files) + 1))


def test_files_come_in_their_order(folder: Path) -> None:
    write(folder, "0002_second.sql", "0001_first.sql", "0003_third_one.sql", "README.md")
    assert [(one.number, one.name) for one in migrations("store")] == [(1, "first"), (2, "second"), (3, "third_one")]


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_c.sql"], ["0002_b.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_a_gap_or_a_number_twice_is_an_incomplete_install(folder: Path, names: list[str]) -> None:
    write(folder, *names)
    with pytest.raises(MigrationError, match="migrations/store: numbers must run from 0001 without a gap"):
        migrations("store")


@pytest.mark.parametrize("name", ["1_a.sql", "0001-a.sql", "0001_A.sql", "first.sql"])
def test_an_odd_name_is_named(folder: Path, name: str) -> None:
    write(folder, name)
    with pytest.raises(MigrationError, match=f"migrations/store/{name}: a migration is named NNNN_words.sql"):
        migrations("store")


def test_a_folder_without_a_migration_is_an_incomplete_install(folder: Path) -> None:
    with pytest.raises(MigrationError, match="incomplete"):
        pending("store", {}, "spock.duckdb")


def test_pending_is_what_the_record_does_not_hold(folder: Path) -> None:
    write(folder, "0001_first.sql", "0002_second.sql", "0003_third.sql")
    first, second, third = migrations("store")
    assert pending("store", {}, "x") == (first, second, third)
    assert pending("store", {1: first.checksum}, "x") == (second, third)
    assert pending("store", {one.number: one.checksum for one in (first, second, third)}, "x") == ()


def test_a_record_that_knows_more_is_too_new(folder: Path) -> None:
    write(folder, "0001_first.sql")
    with pytest.raises(StoreTooNew, match=r"/home/x\.duckdb was written by a newer Spock \(schema 7, this one knows 1\)"):
        pending("store", {1: migrations("store")[0].checksum, 7: "x"}, "/home/x.duckdb")


def test_a_file_that_changed_after_it_ran_is_named(folder: Path) -> None:
    write(folder, "0001_first.sql", "0002_second.sql")
    with pytest.raises(MigrationError, match="/home/x: migration 0001_first changed after it ran there: reinstall"):
        pending("store", {1: "what it was"}, "/home/x")
