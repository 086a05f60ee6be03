"""Bars of the newest replica as a file: Parquet with what it is written into it, or CSV. The store itself is not touched."""

from __future__ import annotations

import datetime as dt
import difflib
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import __version__, settings
from pipeline.errors import UsageError
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import rows, translated

#: Rows written at once: one row group of a Parquet file.
_ROWS = 122_880
_SHOWN = 5


@dataclass(frozen=True)
class Asked:
    """Which bars: of a region, of `tickers` (none: all), from `first` to `last` (None: the ends of what is there)."""

    region: str
    tickers: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None
    adjusted: bool = False

    @property
    def table(self) -> str:
        """The table or view the bars are read from."""
        return "ohlcv_adjusted" if self.adjusted else "ohlcv_data"

    @property
    def chosen(self) -> list[str] | None:
        """The tickers, each once; None: all."""
        return list(dict.fromkeys(self.tickers)) or None


@dataclass(frozen=True)
class Exported:
    """What was written: `as_of` is when the replica's newest run saw the world (aware, UTC)."""

    file: str
    region: str
    table: str
    rows: int
    tickers: int
    first: dt.date
    last: dt.date
    currency: str
    as_of: dt.datetime
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        days = {"first": str(self.first), "last": str(self.last), "as_of": self.as_of.isoformat()}
        return {**self.__dict__, **days, "notes": list(self.notes)}


def export(home: Path, asked: Asked, target: Path, *, overwrite: bool = False) -> Exported:
    """Write the bars `asked` for to `target` (.parquet or .csv), as a draft beside it and then in one rename.

    Columns are those of `ohlcv_data`, or of `ohlcv_adjusted` with the basis `adjusted`. A Parquet file's metadata says region,
    table, currency, origin, as of when, first and last day, and Spock's version; a CSV file says the origin in a column of its
    own. A link is written through. `UsageError` in words for a file that is there (unless `overwrite`), a ticker or days
    without bars, a region that is off; `NoReplica` where nothing was published.
    """
    place = Path(os.path.realpath(target))
    writer = _writer(target, place, overwrite=overwrite)
    if asked.first is not None and asked.last is not None and asked.first > asked.last:
        raise UsageError(f"--from {asked.first} is after --to {asked.last}: give a day up to then")
    with closing(Store(home).read()) as connection, translated(home):
        asked, notes = _meant(connection, asked)
        found = _standing(connection, asked)
        ((as_of, origin),) = rows(connection, "exporting/replica")
        exported = Exported(
            file=str(target),
            region=asked.region,
            table=asked.table,
            rows=found.rows,
            tickers=found.tickers,
            first=found.first,
            last=found.last,
            currency=",".join(found.currencies),
            as_of=as_of.astimezone(dt.UTC),
            notes=notes,
        )
        wanted = {"region": asked.region, "tickers": asked.chosen, "first": found.first, "last": found.last}
        name = "exporting/adjusted_bars" if asked.adjusted else "exporting/bars"
        metadata = _metadata(exported, origin)
        # Last of all: a connection with an unread result answers no other question.
        reader = connection.sql(statement(name), params=wanted).to_arrow_reader(_ROWS)
        _written(place, writer, reader, metadata)
    return exported


@dataclass(frozen=True)
class _Standing:
    """What a replica holds of what is asked; `oldest` and `newest` bound its tickers' bars, whatever days are asked for."""

    rows: int
    tickers: int
    first: dt.date
    last: dt.date
    currencies: list[str]
    oldest: dt.date
    newest: dt.date


def _meant(connection: duckdb.DuckDBPyConnection, asked: Asked) -> tuple[Asked, tuple[str, ...]]:
    """What is asked with its tickers as they are spelt there, and what is to be told of that; `UsageError` for unknown ones.

    A ticker in lower case is the one in capitals, if there are bars of that.
    """
    known = {ticker: None for (ticker,) in rows(connection, "exporting/tickers", region=asked.region)}
    if not known:
        if settings.get_config(asked.region).status == "off":
            raise UsageError(f"region {asked.region} is off, so nobody fetches its bars: `spock doctor` says what it lacks")
        raise UsageError(f"{asked.region}: there are no bars in the newest replica: run `spock nightly {asked.region}` first")
    spelt = {ticker: ticker if ticker in known else ticker.strip().upper() for ticker in asked.chosen or ()}
    unknown = [ticker for ticker, ours in spelt.items() if ours not in known]
    if unknown:
        raise UsageError(f"{asked.region} has no bars of {', '.join(unknown)}; {_instead(unknown, list(known))}")
    notes = tuple(f"{ticker} taken as {ours}" for ticker, ours in spelt.items() if ticker != ours)
    return replace(asked, tickers=tuple(spelt.values())), notes


def _instead(unknown: list[str], known: list[str]) -> str:
    """What may have been meant: tickers that differ only in - and . (BRK-B, BRK.B), else such as are spelt alike."""
    dotted = {ticker.replace("-", "."): ticker for ticker in known}
    same = [found for ticker in unknown if (found := dotted.get(ticker.strip().upper().replace("-", ".")))]
    if same:
        return f"did you mean {', '.join(same)}?"
    near = [one for ticker in unknown for one in difflib.get_close_matches(ticker.upper(), known, n=2)]
    shown = ", ".join(dict.fromkeys([*near, *known][: max(_SHOWN, len(near))]))
    return f"it has {len(known):,} tickers, such as {shown}"


def _standing(connection: duckdb.DuckDBPyConnection, asked: Asked) -> _Standing:
    """What the replica holds of what is asked; `UsageError` where that is nothing."""
    span = {"first": asked.first or dt.date.min, "last": asked.last or dt.date.max}
    figures = rows(connection, "exporting/standing", region=asked.region, tickers=asked.chosen, **span)
    found = _Standing(*figures[0])
    if not found.rows:
        days = [f"from {asked.first}"] * (asked.first is not None) + [f"to {asked.last}"] * (asked.last is not None)
        raise UsageError(
            f"{asked.region}: no bar {' '.join(days)}; what is asked for runs from {found.oldest} to {found.newest}"
        )
    return found


def _metadata(exported: Exported, origin: str) -> dict[str, str]:
    told = {
        "region": exported.region,
        "table": exported.table,
        "currency": exported.currency,
        "origin": origin,
        "as_of": exported.as_of.isoformat(),
        "first": str(exported.first),
        "last": str(exported.last),
        "version": __version__,
    }
    return {f"spock.{name}": value for name, value in told.items()}


# the file -----------------------------------------------------------------------------------------------------------------

_Writer = Callable[[Path, pa.RecordBatchReader, dict[str, str]], None]


def _writer(target: Path, place: Path, *, overwrite: bool) -> _Writer:
    """What writes the kind of file `target` is; `UsageError` where it can't stand at `place`, where `target` leads."""
    writer = {".parquet": _as_parquet, ".csv": _as_csv}.get(target.suffix.lower())
    if writer is None:
        raise UsageError(f"-o {target}: end the name in .parquet or .csv: that is the kind of file")
    if target.is_dir():
        raise UsageError(f"-o {target}: is a folder: name a file in it")
    if place.is_symlink():
        raise UsageError(f"-o {target}: is a link that leads back to itself: name a file")
    if not place.parent.is_dir():
        raise UsageError(f"-o {target}: there is no folder {place.parent}: make it first")
    if place.exists() and not place.is_file():
        raise UsageError(f"-o {target}: is no regular file: name one")
    if place.exists() and not overwrite:
        raise UsageError(f"-o {target}: is there already: give another name, or --force to replace it")
    return writer


def _written(target: Path, writer: _Writer, reader: pa.RecordBatchReader, metadata: dict[str, str]) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
    try:
        writer(draft, reader, metadata)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as error:
        raise UsageError(f"-o {target}: can't be written ({error.strerror or error}): name another place") from error
    finally:
        draft.unlink(missing_ok=True)


def _as_parquet(path: Path, reader: pa.RecordBatchReader, metadata: dict[str, str]) -> None:
    schema = reader.schema.with_metadata(metadata)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch.replace_schema_metadata(metadata))


def _as_csv(path: Path, reader: pa.RecordBatchReader, metadata: dict[str, str]) -> None:
    origin = pl.lit(metadata["spock.origin"]).alias("origin")
    with path.open("wb") as file:
        for number, batch in enumerate(reader):
            frame = pl.DataFrame(batch).with_columns(origin)
            frame.write_csv(file, include_header=number == 0, datetime_format="%Y-%m-%dT%H:%M:%SZ")
