"""Opening a DuckDB file of ours, and saying in words what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipeline.errors import (
    StoreCorrupt,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTooNew,
)
from pipeline.statements import statement

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

# Nothing may be fetched at run time: a file of another kind would make DuckDB ask the network for an extension.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

#: Rows of one row group of a DuckDB file.
_ROW_GROUP = 122_880


def connect(path: Path, *, read_only: bool = False, memory_limit: str = "") -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file; time zone UTC. Raises a `StoreError` that says what to do."""
    config = dict(_CONFIG)
    if memory_limit:
        config["memory_limit"] = memory_limit
    with translated(path):
        connection = duckdb.connect(str(path), read_only=read_only, config=config)
    try:
        with translated(path):
            connection.execute(statement("store/session"))
    except StoreError:
        connection.close()
        raise
    return connection


def is_whole(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether the file is long enough for the blocks it uses; where they lie shows only when they are read."""
    return bool(path.stat().st_size >= rows(connection, "store/file_blocks")[0][0])


def _in_row_groups(frame: pl.DataFrame) -> pa.Table:
    import pyarrow as pa

    table = frame.to_arrow()
    return pa.Table.from_batches(table.to_batches(_ROW_GROUP), table.schema)


@contextmanager
def registered(connection: duckdb.DuckDBPyConnection, **frames: pl.DataFrame) -> Iterator[None]:
    """Let SQL see frames as tables of their names. After an error they stay: the transaction is aborted and says only that."""
    for name, frame in frames.items():
        # DuckDB reads a table's batches side by side, and a frame is one batch: in row groups a load takes 4% less.
        connection.register(name, _in_row_groups(frame))
    yield
    for name in frames:
        connection.unregister(name)


def rows(connection: duckdb.DuckDBPyConnection, name: str, **parameters: object) -> list[tuple[Any, ...]]:
    """All rows of one of our own statements: an unread result would block the connection."""
    return connection.execute(statement(name), parameters or None).fetchall()


def records(answered: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """All rows of what a connection has just executed, by the names of their columns; none where it has no result."""
    columns = [column[0] for column in answered.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in answered.fetchall()]


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn DuckDB's and the system's errors on `path` into ours."""
    try:
        yield
    except _ABOUT_SQL as error:
        raise StoreError(f"{path}: {error}") from error
    except duckdb.Error as error:
        raise _meaning(path, error) or StoreError(f"{path}: {error}") from error
    except OSError as error:
        meaning = _meaning(path, error) if _concerns(path, error) else None
        if meaning is None:
            raise
        raise meaning from error


#: DuckDB's complaints about a statement: whatever words they quote, the file is well.
_ABOUT_SQL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.ConstraintException)


def _concerns(path: Path, error: OSError) -> bool:
    """Whether a system error is about `path` or a file beside it; one without a name comes from our own block."""
    return error.filename is None or Path(error.filename) in (path, path.parent) or Path(error.filename).parent == path.parent


# What DuckDB and the system say, in the order it is looked for, and what it means here.
_MEANINGS: tuple[tuple[tuple[str, ...], type[StoreError], str], ...] = (
    (("No space left on device", "Disk quota exceeded", "ENOSPC"), StoreFull,
     "no space left: what was not committed before is rolled back; free space and run the same command again"),
    (("Read-only file system", "Permission denied", "read-only mode"), StoreReadOnly,
     "can't be written: check the mount and the folder's owner, or point SPOCK_HOME elsewhere"),
    (("Could not set lock", "Conflicting lock"), StoreLocked,
     "another program holds the main file open: close it and query the replica instead (`spock sql`, or replica.duckdb)"),
    (("newer version of DuckDB", "different version of DuckDB", "storage version", "version number"), StoreTooNew,
     "was written by a newer DuckDB than the one installed: upgrade Spock"),
    (("not a valid DuckDB database file", "Is a directory", "sqlite_scanner", "is not a DuckDB"), StoreForeign,
     "is not a Spock store: move it away, or point SPOCK_HOME at another folder"),
    (("Could not read enough bytes", "checksum", "orrupt", "Serialization Error", "Failed to load metadata",
      "Failure while replaying WAL", "INTERNAL Error"), StoreCorrupt,
     "is damaged: move it aside and restore the last backup (see backups/README.md)"),
)


def _meaning(path: Path, error: Exception) -> StoreError | None:
    text = str(error)
    for signs, kind, meaning in _MEANINGS:
        if any(sign in text for sign in signs):
            return kind(f"{path}: {meaning} [{_first_line(text)}]")
    return None


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:300] if text.strip() else "no further words"
