"""Replicas: the read-only copies that a finished run publishes, and the symlink readers follow.

A replica is `replica-<seq>.duckdb`, mode 0444, never written again. `replica.duckdb` is a symlink to the newest, swapped by
a rename of the link (a rename onto the file itself can hand a connected process the old database).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipeline.errors import NoReplica, StoreCorrupt, StoreError
from pipeline.statements import statement
from pipeline.store.file import connect, is_whole, translated

if TYPE_CHECKING:
    import pyarrow as pa

LINK = "replica.duckdb"
_NAME = re.compile(r"replica-(\d+)\.duckdb")
_TRIES = 5


def newest(home: Path) -> Path:
    """The file the link points to; raises `NoReplica` where nothing was published yet."""
    link = home / LINK
    if link.is_file() and not link.is_symlink():
        return link  # a home that was copied with its links followed
    try:
        return home / os.readlink(link)
    except (FileNotFoundError, NotADirectoryError):
        raise NoReplica(
            f"{home}: nothing has been published yet: run `spock nightly KR` or `spock backfill KR --days 250` first"
        ) from None


def open_newest(home: Path) -> duckdb.DuckDBPyConnection:
    """Read-only connection to the newest replica; a publish at the same moment can't break it."""
    for _ in range(_TRIES):
        path = newest(home)
        try:
            connection = connect(path, read_only=True)
        except StoreError:
            if path.exists():
                raise
            continue  # two publishes went by between reading the link and now
        try:
            whole = is_whole(connection, path)
        except FileNotFoundError:
            connection.close()
            continue
        if not whole:
            connection.close()
            raise StoreCorrupt(f"{path}: is shorter than its header says: publish again with `spock publish`")
        return connection
    raise NoReplica(f"{home}: {LINK} points to {newest(home).name}, which is gone: publish again with `spock publish`")


def publish(main: Path, operations: Mapping[str, pa.Table], keep: int) -> Path:
    """Copy the closed, checkpointed main file beside it, add the operations tables, swap the link; keep `keep` replicas.

    The caller holds the write lock. Returns the new replica's path.
    """
    home = main.parent
    sequence = 1 + max((number for number, _ in _existing(home)), default=0)
    target = home / f"replica-{sequence}.duckdb"
    draft = home / f"replica-{sequence}.draft"
    draft_wal = draft.with_name(draft.name + ".wal")
    draft_wal.unlink(missing_ok=True)
    with translated(draft):
        try:
            shutil.copyfile(main, draft)
            _add_operations(draft, operations)
            os.chmod(draft, 0o444)
            _sync(draft)
            os.replace(draft, target)
            _swap_link(home / LINK, target.name)
        except (OSError, duckdb.Error, StoreError):
            draft.unlink(missing_ok=True)
            draft_wal.unlink(missing_ok=True)
            raise
    for _, old in sorted(_existing(home))[:-keep]:
        old.unlink(missing_ok=True)
    for leftover in home.glob("replica-*.draft*"):
        leftover.unlink(missing_ok=True)
    return target


def _add_operations(path: Path, operations: Mapping[str, pa.Table]) -> None:
    connection = connect(path)
    try:
        connection.execute(statement("store/operations_tables"))
        for name, table in operations.items():
            connection.register("incoming", table)
            connection.execute(statement(f"store/operations/{name}"))
            connection.unregister("incoming")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()


def _existing(home: Path) -> list[tuple[int, Path]]:
    found = []
    for path in home.glob("replica-*.duckdb"):
        match = _NAME.fullmatch(path.name)
        if match:
            found.append((int(match[1]), path))
    return found


def _swap_link(link: Path, target: str) -> None:
    draft = link.with_name(link.name + ".draft")
    draft.unlink(missing_ok=True)
    os.symlink(target, draft)
    os.replace(draft, link)
    _sync(link.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
