"""The original system's SQLite file: its table `ohlcv_data`, opened read-only and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl

from pipeline.errors import UsageError
from pipeline.importing.rows import Chunk, Reader
from pipeline.importing.source import CHUNK_ROWS, NEEDED, digest, regular, require_region
from pipeline.importing.wanted import Wanted
from pipeline.statements import statement

_NEEDED = ("ticker", "timeframe", *NEEDED)
_READ = ("region", *_NEEDED, "amount", "currency")
#: The original's own columns that say nothing of a bar.
_BOOKKEEPING = ("id", "created_at", "last_updated", "updated_at")
_BUSY_SECONDS = 30.0


class SqliteFile:
    """One file of the original system. Only timeframe D is read; weeks, months and indicators are derived here.

    A write-ahead log beside the file is read with it, and counts to its key.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.path = regular(path)
        wal = path.with_name(path.name + "-wal")
        self._wal = wal if wal.is_file() and wal.stat().st_size else None
        with self._translated(), closing(self._connect()) as connection:
            found = connection.execute(statement("importing/original_columns")).fetchall()
        self._names = [str(name).lower() for (name,) in found]
        self._require_columns(wanted)
        self.notes = self._left_out()
        self._reader = Reader(path, wanted, "row")
        self.key = digest(path, *([self._wal] if self._wal else []))

    def chunks(self) -> Iterator[Chunk]:
        """The rows in the table's order, by their number in it, as one snapshot."""
        place = 1
        with self._translated(), closing(self._connect()) as connection:
            cursor = connection.execute(statement("importing/original_rows"))
            while rows := cursor.fetchmany(CHUNK_ROWS):
                yield self._reader.chunk(self._raw(rows, place))
                place += len(rows)

    def _raw(self, rows: list[tuple[Any, ...]], place: int) -> pl.DataFrame:
        columns = list(zip(*rows, strict=True))
        series = [
            _series(name, columns[number])
            for number, name in enumerate(self._names)
            if name in _READ
        ]
        return pl.DataFrame([pl.int_range(place, place + len(rows), dtype=pl.Int64, eager=True).alias("place"), *series])

    def _connect(self) -> sqlite3.Connection:
        # On a folder that can't be written SQLite finds no room for the shared memory of a file in WAL mode; without a log
        # beside it the file alone is the whole database.
        try:
            return self._opened("mode=ro")
        except sqlite3.OperationalError:
            if self._wal is not None:
                raise
            return self._opened("mode=ro&immutable=1")

    def _opened(self, how: str) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path.absolute()))}?{how}"
        connection = sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute(statement("importing/original_tables")).fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _require_columns(self, wanted: Wanted) -> None:
        if not self._names:
            raise UsageError(f"{self.path}: is an SQLite file without the table ohlcv_data: is it the original system's?")
        missing = [name for name in _NEEDED if name not in self._names]
        if missing:
            raise UsageError(
                f"{self.path}: its table ohlcv_data lacks {', '.join(missing)}; "
                f"columns that belong: region,{','.join(_NEEDED)}; it has {', '.join(self._names)}"
            )
        require_region(self.path, self._names, wanted)

    def _left_out(self) -> list[str]:
        others = [name for name in self._names if name not in _READ and name not in _BOOKKEEPING]
        return [f"not imported, derived here: {', '.join(others)}"] if others else []

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            text = str(error)
            if "not a database" in text:
                raise UsageError(f"{self.path}: is not an SQLite file") from error
            if "malformed" in text or "disk image" in text:
                raise UsageError(f"{self.path}: is damaged ({text}): copy it again, or repair it (sqlite3 .recover)") from error
            if "locked" in text:
                raise UsageError(f"{self.path}: another program is writing to it: close that one and import again") from error
            raise UsageError(f"{self.path}: can't be read ({text}): copy it to a folder of your own and import that") from error


def _series(name: str, values: tuple[Any, ...]) -> pl.Series:
    """A column as numbers where all of its values are, as text otherwise: SQLite's columns hold anything."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds and kinds <= {int, float}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    if kinds <= {str}:
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
