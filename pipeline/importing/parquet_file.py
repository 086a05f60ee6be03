"""Parquet: the columns of our own export, or those of the CSV files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import settings
from pipeline.errors import OriginMismatch, UsageError
from pipeline.importing.rows import Chunk, Reader
from pipeline.importing.source import CHUNK_ROWS, REMADE, digest, regular, require_columns
from pipeline.importing.wanted import Wanted

#: Keys of the metadata our export writes.
TABLE, ORIGIN = b"spock.table", b"spock.origin"


class ParquetFile:
    """One Parquet file; its footer is read at once."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.path = regular(path)
        self.notes: list[str] = []
        try:
            with pq.ParquetFile(path) as file:
                self._names: list[str] = list(file.schema_arrow.names)
                metadata: dict[bytes, bytes] = file.schema_arrow.metadata or {}
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        names = [name.strip().lower() for name in self._names]
        require_columns(path, names, wanted)
        self._require_bars(metadata)
        named = "ticker" not in names
        self._reader = Reader(wanted, "row", path.stem if named else None)
        self.key = digest(path, also=path.stem if named else "")

    def chunks(self) -> Iterator[Chunk]:
        """The rows by their number, from 1."""
        wanted = [name for name in self._names if name.strip().lower() not in REMADE]
        place = 1
        try:
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
                    yield self._reader.chunk(self._raw(batch, place))
                    place += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error

    def _raw(self, batch: pa.RecordBatch, place: int) -> pl.DataFrame:
        frame = pl.DataFrame(batch)
        frame = frame.rename({name: name.strip().lower() for name in frame.columns})
        return frame.with_columns(place=pl.int_range(place, place + pl.len(), dtype=pl.Int64))

    def _require_bars(self, metadata: dict[bytes, bytes]) -> None:
        table = metadata.get(TABLE, b"ohlcv_data").decode()
        if table != "ohlcv_data":
            raise UsageError(
                f"{self.path}: was exported from {table}: derived prices are not imported; export it without --adjusted"
            )
        origin = metadata.get(ORIGIN, settings.origin().encode()).decode()
        if origin != settings.origin():
            raise OriginMismatch(
                f"{self.path}: was exported from a store of {origin} rows and this import is {settings.origin()}: "
                + ("set SPOCK_SANDBOX_URL and a home of its own for them" if origin == "sandbox" else "unset SPOCK_SANDBOX_URL")
            )

    def _damaged(self, error: Exception) -> UsageError:
        words = (str(error).strip().splitlines() or ["no further words"])[0][:200]
        return UsageError(f"{self.path}: is no whole Parquet file [{words}]: copy or export it again")
