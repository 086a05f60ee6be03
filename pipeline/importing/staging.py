"""A file's rows in the order they are stored, beside the store: so that a file of any size is taken in batches."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from pipeline.importing.rows import ROWS, UNREAD, Chunk
from pipeline.statements import statement
from pipeline.store.file import connect, registered, rows, translated
from pipeline.store.incoming import append

#: Rows of one transaction, at most (but a ticker's rows stay together).
BATCH_ROWS = 100_000
#: What the sorting may take of memory; the rest goes to the disk beside it.
_MEMORY = "160MB"
#: Bytes of a file that needs no disk beside it.
_SMALL = 4 << 20

#: Staged rows with their `fate`: null, or why they are no bar (repeated, conflicting_rows, mixed_basis).
ORDERED = pl.Schema({**ROWS, "first_place": pl.Int64(), "first_basis": pl.String(), "fate": pl.String()})


@dataclass(frozen=True)
class Part:
    """Tickers whose rows are committed together: of one region, from `first` to `last`, `rows` in all."""

    region: str
    first: str
    last: str
    rows: int


class Staging:
    """The staged rows of one file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.read = 0
        self.derived: dict[tuple[str, str], int] = {}

    def add(self, chunk: Chunk) -> None:
        """Take in some rows of the file."""
        append(self._connection, "importing/insert_staged", chunk.rows, ROWS)
        append(self._connection, "importing/insert_unread", chunk.unread, UNREAD)
        self.read += chunk.rows.height + chunk.unread.height
        for key, count in chunk.derived.items():
            self.derived[key] = self.derived.get(key, 0) + count

    def settle(self) -> None:
        """All rows are here: put them in order."""
        self._connection.execute(statement("importing/order_staged"))

    def parts(self) -> list[Part]:
        """Whole tickers in batches of about `BATCH_ROWS` rows: the same file is always divided the same way."""
        found: list[Part] = []
        for region, ticker, count in rows(self._connection, "importing/tickers"):
            last = found[-1] if found else None
            if last is not None and last.region == region and last.rows + count <= BATCH_ROWS:
                found[-1] = Part(region, last.first, ticker, last.rows + count)
            else:
                found.append(Part(region, ticker, ticker, count))
        return found

    def regions(self) -> set[str]:
        """The regions that rows of any kind name; UNKNOWN for rows that name none."""
        counted = {code for code, _, _ in rows(self._connection, "importing/tickers")}
        return counted | set(self.unread()) | {code for code, _ in self.derived}

    def tickers(self, region: str) -> int:
        """How many tickers of a region the file has rows of."""
        return sum(1 for code, _, _ in rows(self._connection, "importing/tickers") if code == region)

    def derived_of(self, region: str) -> dict[str, int]:
        """How many rows of a region are of another timeframe than days, by timeframe."""
        return {timeframe: count for (code, timeframe), count in sorted(self.derived.items()) if code == region}

    def rows_of(self, part: Part) -> pl.DataFrame:
        """The rows of a part (ORDERED), by ticker, date and place."""
        span = {"region": part.region, "first": part.first, "last": part.last}
        found: pl.DataFrame = self._connection.sql(statement("importing/tickers_rows"), params=span).pl()
        return found.select(ORDERED.names()).cast(ORDERED)

    def unread(self) -> dict[str, int]:
        """Rows that could not be read, by region."""
        return dict(rows(self._connection, "importing/unread_counts"))

    def unread_of(self, region: str, offset: int) -> pl.DataFrame:
        """Up to `BATCH_ROWS` rows of a region that could not be read (UNREAD)."""
        page = {"region": region, "limit": BATCH_ROWS, "offset": offset}
        found: pl.DataFrame = self._connection.sql(statement("importing/unread_rows"), params=page).pl()
        return found.cast(UNREAD)

    def span(self, region: str, until: dt.date) -> tuple[dt.date | None, dt.date | None]:
        """First and last date of a region's rows up to `until`."""
        first, last = rows(self._connection, "importing/span", region=region, until=until)[0]
        return first, last

    def span_without(self, region: str, cells: pl.DataFrame) -> tuple[dt.date | None, dt.date | None]:
        """First and last date of a region's rows without those of `cells` (ticker, date), and without second rows of a key."""
        with registered(self._connection, left_out=cells):
            first, last = rows(self._connection, "importing/span_without", region=region)[0]
        return first, last


@contextmanager
def staging(folder: Path, size: int) -> Iterator[Staging]:
    """An empty staging for a file of `size` bytes, gone afterwards; what a killed import left in `folder` goes first.

    A small file is staged in memory, a larger one inside `folder`.
    """
    left = folder / "staged.duckdb.draft"
    path = Path(":memory:") if size < _SMALL else left
    _clear(left)
    with translated(path):
        connection = connect(path, memory_limit=_MEMORY)
        try:
            # No transaction around it all: DuckDB keeps what is not committed in memory (2.5M rows: 713 MB, so 404).
            connection.execute(statement("importing/create_staging"))
            yield Staging(connection)
        finally:
            connection.close()
            _clear(left)


def _clear(path: Path) -> None:
    for leftover in path.parent.glob(f"{path.name}*"):
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
        else:
            for one in leftover.iterdir():
                one.unlink(missing_ok=True)
            leftover.rmdir()
