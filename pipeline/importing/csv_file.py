"""CSV: one file a ticker, named after it, or one file with the columns region and ticker. UTF-8, commas, ISO dates."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TextIO

import polars as pl

from pipeline.errors import UsageError
from pipeline.importing.rows import UNREAD, Chunk, Reader, unread_line
from pipeline.importing.source import CHUNK_ROWS, REMADE, digest, named_after, regular, require_columns
from pipeline.importing.wanted import Wanted


class CsvFile:
    """One CSV file; its header is read at once. `listed`: tickers of the region asked for, as the store lists them."""

    def __init__(self, path: Path, wanted: Wanted, listed: Collection[str] = ()) -> None:
        self.path = regular(path)
        self.notes: list[str] = []
        with self._open() as file:
            self._names = [name.strip().lower() for name in self._header(file)]
        require_columns(path, self._names, wanted)
        # A file that does not say its ticker is its name and its bytes: two tickers may have the same rows.
        ticker = None
        if "ticker" not in self._names:
            ticker, self.notes = named_after(path, listed if "region" not in self._names else ())
        self._reader = Reader(path, wanted, "line", ticker)
        self.key = digest(path, also=ticker or "")

    def chunks(self) -> Iterator[Chunk]:
        """The rows by line; a line that has not the header's columns is refused."""
        with self._open() as file:
            lines = csv.reader(file, strict=True)
            try:
                next(lines)
                rows: list[tuple[int, list[str]]] = []
                for fields in lines:
                    if fields:
                        rows.append((lines.line_num, fields))
                    if len(rows) >= CHUNK_ROWS:
                        yield self._chunk(rows)
                        rows = []
                if rows:
                    yield self._chunk(rows)
            except csv.Error as error:
                raise UsageError(f"{self.path}: line {lines.line_num} is no CSV ({error})") from error
            except UnicodeDecodeError as error:
                raise UsageError(f"{self.path}: is not UTF-8 after line {lines.line_num} ({error.reason})") from error
            except OSError as error:
                raise UsageError(f"{self.path}: can't be read ({error.strerror}): check the disk it stands on") from error

    def _chunk(self, lines: list[tuple[int, list[str]]]) -> Chunk:
        width = len(self._names)
        whole = [(place, fields) for place, fields in lines if len(fields) == width]
        odd = [
            unread_line(place, "wrong_fields", _fields(place, len(fields), width), fields, self._reader)
            for place, fields in lines
            if len(fields) != width
        ]
        columns = zip(*(fields for _, fields in whole), strict=True) if whole else ([] for _ in self._names)
        raw = pl.DataFrame(
            {"place": [place for place, _ in whole], **dict(zip(self._names, map(list, columns), strict=True))},
            schema={"place": pl.Int64, **{name: pl.String for name in self._names}},
        ).drop(REMADE, strict=False)
        chunk = self._reader.chunk(raw)
        unread = pl.DataFrame(odd, schema=UNREAD, orient="row")
        return Chunk(chunk.rows, pl.concat([chunk.unread, unread]), chunk.derived)

    def _open(self) -> TextIO:
        try:
            return self.path.open(encoding="utf-8-sig", newline="")
        except OSError as error:
            raise UsageError(f"{self.path}: can't be read ({error.strerror}): check its owner and rights") from error

    def _header(self, file: TextIO) -> list[str]:
        try:
            return next(csv.reader(file, strict=True), [])
        except (csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{self.path}: is no CSV file in UTF-8 ({error})") from error


def _fields(place: int, found: int, wanted: int) -> str:
    return f"line {place}: {found} fields where the header has {wanted}"
