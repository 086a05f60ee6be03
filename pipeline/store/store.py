"""The store's life: who may write and when, how a reader gets a connection, how a file takes the place of another."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa

from pipeline import resources
from pipeline.errors import DuplicateRows, MigrationError, StoreCorrupt, StoreForeign, StoreReadOnly
from pipeline.migrations import Migration, pending
from pipeline.statements import statement
from pipeline.store import replica
from pipeline.store.file import connect, is_whole, rows, translated
from pipeline.store.lock import write_lock

Out = TypeVar("Out")
Computed = TypeVar("Computed")
Result = TypeVar("Result")

FILE = "spock.duckdb"
LOCK = "spock.lock"


def backups_folder(home: Path) -> Path:
    """Where copies of a home land: the checkout's `backups/` for its default home, any other home's own."""
    checkout = resources.checkout_root()
    if checkout is not None and home.resolve() == checkout / "data":
        return checkout / "backups"
    return home / "backups"


class Store:
    """The market store of one home.

    `home` is made when the first write needs it. `lock_wait_seconds` bounds the wait for another writer, `replicas` is how
    many published copies are kept, `memory_limit` (such as `4GB`, empty = DuckDB's default) bounds DuckDB's memory, `say`
    receives messages meant for a person (a wait, a migration).

    Nobody keeps the main file open: `write()` and `work()` open it under the file lock and close it again; readers use
    `read()`, a connection on the newest replica.
    """

    def __init__(
        self,
        home: Path | str,
        *,
        lock_wait_seconds: float = 60.0,
        replicas: int = 2,
        memory_limit: str = "",
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.home = Path(home)
        self.path = self.home / FILE
        self._lock_wait_seconds = lock_wait_seconds
        self._replicas = replicas
        self._memory_limit = memory_limit
        self._say = say

    def read(self) -> duckdb.DuckDBPyConnection:
        """Read-only connection on the newest replica; the caller closes it, sooner or later.

        Raises `NoReplica` where nothing was published yet.
        """
        return replica.open_newest(self.home)

    @contextmanager
    def write(self, purpose: str = "write") -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction on the main file under the lock: committed at the end of the block, rolled back by an error.

        Raises `StoreLocked` after `lock_wait_seconds`, and the `StoreError` that fits a file that can't be opened.
        """
        with self._locked(purpose), self._opened() as connection, translated(self.path):
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                _roll_back(connection)
                raise
            connection.execute("COMMIT")

    def look(self, read: Callable[[duckdb.DuckDBPyConnection], Out], purpose: str = "read") -> Out:
        """Frames out of the main file, for stages that must see what the last commit left; short, under the lock."""
        with self._locked(purpose), self._opened() as connection, translated(self.path):
            return read(connection)

    def work(
        self,
        read: Callable[[duckdb.DuckDBPyConnection], Out],
        compute: Callable[[Out], Computed],
        write: Callable[[duckdb.DuckDBPyConnection, Computed], Result],
        purpose: str = "work",
    ) -> Result:
        """Frames out under the lock, compute without it, write back under it in one transaction.

        `read` returns frames, never a relation of the connection, which is closed when `compute` runs.
        """
        computed = compute(self.look(read, purpose))
        with self.write(purpose) as connection:
            return write(connection, computed)

    def publish(self, operations: Mapping[str, pa.Table]) -> Path:
        """Check that no key stands twice, then publish a replica with a copy of the operations tables; returns its path.

        Raises `DuplicateRows` and keeps the replica readers have.
        """
        with self._locked("publish"):
            with self._opened() as connection, translated(self.path):
                for table, found in rows(connection, "store/duplicate_keys"):
                    raise DuplicateRows(
                        f"{self.path}: {found} keys stand more than once in {table}: not published, readers keep the "
                        "last replica. Restore the last backup, or report the run that wrote them (`spock runs`)"
                    )
                connection.execute("CHECKPOINT")
            return replica.publish(self.path, operations, self._replicas)

    def swap_in(self, new: Path) -> Path | None:
        """Put the database file `new` (same file system) in the place of the main file; returns where the old one went.

        The new file is opened, checked and checkpointed first; a leftover write-ahead log of the old file moves aside with
        it, since a foreign log makes the next open fail.
        """
        with self._locked("swap"):
            self._prepare(new)
            aside = None
            stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%f")
            with translated(self.path):
                wal = _wal(self.path)
                if wal.exists():
                    os.replace(wal, self.home / f"{FILE}.{stamp}.aside.wal")
                if self.path.exists():
                    aside = self.home / f"{FILE}.{stamp}.aside"
                    os.link(self.path, aside)
                os.replace(new, self.path)
            return aside

    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return self.path.exists()

    @contextmanager
    def _locked(self, purpose: str) -> Iterator[None]:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreReadOnly(
                f"{self.home}: can't be made ({error.strerror}): point SPOCK_HOME at a folder you can write to"
            ) from error
        with write_lock(self.home / LOCK, purpose, self._lock_wait_seconds, self._say):
            yield

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The main file at today's schema; the lock is held."""
        if not self.path.exists():
            self._create()
        connection = connect(self.path, memory_limit=self._memory_limit)
        try:
            with translated(self.path):
                missing = _missing(connection, self.path)
            if missing:
                connection.close()
                self._migrate(missing)
                connection = connect(self.path, memory_limit=self._memory_limit)
            yield connection
        finally:
            with translated(self.path):
                connection.close()

    def _create(self) -> None:
        """Make a new file beside its place and move it there whole: a kill can't leave half a store."""
        draft = self.path.with_name(FILE + ".draft")
        with translated(self.path):
            draft.unlink(missing_ok=True)
            _wal(draft).unlink(missing_ok=True)
            leftover = _wal(self.path)
            if leftover.exists():
                raise StoreCorrupt(
                    f"{leftover}: a write-ahead log without its store: move it away, or restore {FILE} beside it"
                )
            connection = connect(draft)
            try:
                connection.execute(statement("store/create_record"))
                for migration in pending("store", {}, str(self.path)):
                    _apply(connection, migration)
                connection.execute("CHECKPOINT")
            finally:
                connection.close()
            os.replace(draft, self.path)

    def _migrate(self, missing: tuple[Migration, ...]) -> None:
        """Bring the main file to today's schema, a verified copy first."""
        kept = self._verified_copy(missing[0].number)
        if self._say is not None:
            self._say(f"migrating {self.path} to schema {missing[-1].number}; the file as it was is {kept}")
        connection = connect(self.path, memory_limit=self._memory_limit)
        try:
            for migration in missing:
                try:
                    _apply(connection, migration)
                except duckdb.Error as error:
                    raise MigrationError(
                        f"{self.path}: migration {migration.number:04d}_{migration.name} failed and was rolled back: {error}. "
                        f"The file as it was is {kept}"
                    ) from error
        finally:
            connection.close()

    def _verified_copy(self, before: int) -> Path:
        folder = backups_folder(self.home)
        with translated(folder):
            folder.mkdir(parents=True, exist_ok=True)
            stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S%fZ")
            copy = folder / f"spock-before-{before:04d}-{stamp}.duckdb"
            shutil.copyfile(self.path, copy)
        if _counts(self.path) != _counts(copy):
            copy.unlink()
            raise MigrationError(f"{copy}: the copy does not count the same rows as {self.path}: not migrated")
        return copy

    def _prepare(self, new: Path) -> None:
        connection = connect(new)
        try:
            with translated(new):
                _missing(connection, new)
                connection.execute("CHECKPOINT")
        finally:
            connection.close()


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    """One migration and its record, in one transaction."""
    connection.execute("BEGIN")
    try:
        connection.execute(migration.sql)
        connection.execute(
            statement("store/record_migration"),
            {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
        )
    except duckdb.Error:
        _roll_back(connection)
        raise
    connection.execute("COMMIT")


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Roll back; after a failed commit DuckDB has already done so, or invalidated the instance, and closing it suffices."""
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        return


def _counts(path: Path) -> list[tuple[str, int]]:
    connection = connect(path)
    try:
        tables = [name for (name,) in rows(connection, "store/table_names")]
        return [(name, int(connection.table(name).count("*").fetchall()[0][0])) for name in tables]
    finally:
        connection.close()


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _missing(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[Migration, ...]:
    """Migrations the open file at `path` still needs; raises when it is not ours, cut short, or of a newer Spock."""
    try:
        applied = {number: checksum for number, checksum in rows(connection, "store/applied_migrations")}
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise StoreForeign(
            f"{path}: is a DuckDB file but not a Spock store: move it away, or point SPOCK_HOME at another folder"
        ) from error
    if not is_whole(connection, path):
        raise StoreCorrupt(
            f"{path}: is shorter than its header says: move it aside and restore the last backup "
            "(see backups/README.md)"
        )
    return pending("store", applied, str(path))
