"""Parquet: the columns of our own export, or those of the CSV files."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import UsageError
from pipeline.importing.origin import require_ours
from pipeline.importing.rows import Chunk, Reader
from pipeline.importing.source import CHUNK_ROWS, REMADE, digest, named_after, regular, require_columns
from pipeline.importing.wanted import Wanted

#: Keys of the metadata our export writes.
TABLE, ORIGIN = b"spock.table", b"spock.origin"

#: What one value of a row may be: text, a number, a day or a moment.
_PLAIN = (
    *(pa.types.is_null, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal128),
    *(pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    *(pa.types.is_date, pa.types.is_timestamp, pa.types.is_time),
)


class ParquetFile:
    """One Parquet file; its footer is read at once. `listed`: tickers of the region asked for, as the store lists them."""

    def __init__(self, path: Path, wanted: Wanted, listed: Collection[str] = ()) -> None:
        self.path = regular(path)
        self.notes: list[str] = []
        try:
            with pq.ParquetFile(path) as file:
                schema: pa.Schema = file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from error
        self._names: list[str] = list(schema.names)
        names = [name.strip().lower() for name in self._names]
        require_columns(path, names, wanted)
        self._require_bars(schema.metadata or {})
        self._require_plain(schema)
        ticker = None
        if "ticker" not in names:
            ticker, self.notes = named_after(path, listed if "region" not in names else ())
        self._reader = Reader(path, wanted, "row", ticker)
        self.key = digest(path, also=ticker or "")

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
        if ORIGIN in metadata:
            require_ours(self.path, metadata[ORIGIN].decode())

    def _require_plain(self, schema: pa.Schema) -> None:
        """`UsageError` for columns whose values are no single ones (lists, structs) or nothing that a bar holds (bytes)."""
        odd = [
            f"column {field.name!r} is {field.type}"
            for field in schema
            if field.name.strip().lower() not in REMADE and not _is_plain(field.type)
        ]
        if odd:
            raise UsageError(f"{self.path}: {'; '.join(odd)}: each row holds one text, number or day there")

    def _damaged(self, error: Exception) -> UsageError:
        words = (str(error).strip().splitlines() or ["no further words"])[0][:200]
        return UsageError(f"{self.path}: is no whole Parquet file [{words}]: copy or export it again")


def _is_plain(kind: pa.DataType) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(is_one(value) for is_one in _PLAIN)
