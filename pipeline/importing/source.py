"""A file of bars as a source of rows: which columns belong, and what every kind of file offers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.errors import UsageError
from pipeline.importing.rows import Chunk
from pipeline.importing.wanted import Wanted

#: Rows read at once: as Python objects a row of the original's 23 columns takes a kilobyte.
CHUNK_ROWS = 25_000

#: What a file must have …
NEEDED = ("date", "open", "high", "low", "close", "volume")
#: … and what it may have: the columns of our own export among them. `known_at` and `run_id` are made anew.
ALLOWED = (
    *NEEDED,
    *("region", "ticker", "timeframe", "amount", "currency", "provider", "basis", "adjusted_through", "finality"),
    *("origin", "known_at", "run_id"),
)
REMADE = ("known_at", "run_id")


class Source(Protocol):
    """An open file. `key` is the sha256 that its runs are named after; `notes` say what of it is not read at all."""

    path: Path
    key: str
    notes: list[str]

    def chunks(self) -> Iterator[Chunk]:
        """The rows, some at a time, in the file's order; `UsageError` for a file that turns out damaged."""
        ...


def regular(path: Path) -> Path:
    """`path` if it is a file with something in it; `UsageError` in words for anything else."""
    try:
        if path.is_dir():
            raise UsageError(f"{path}: is a folder: name the files in it, such as {path}/*.csv")
        if not path.exists():
            raise UsageError(f"{path}: there is no such file")
        if not path.is_file():
            raise UsageError(f"{path}: is no regular file")
        if path.stat().st_size == 0:
            raise UsageError(f"{path}: is empty: nothing to import")
        with path.open("rb"):
            return path
    except OSError as error:
        raise UsageError(f"{path}: can't be read ({error.strerror}): check its owner and rights") from error


def named_after(path: Path, listed: Collection[str]) -> tuple[str, list[str]]:
    """The ticker that a file is named after, and a note where it is not quite its name.

    A name in lower case (`aapl.csv`) is the ticker in capitals, where that one is among the region's `listed` tickers.
    """
    stem, ticker = path.stem, path.stem.upper()
    if stem == ticker or stem in listed or ticker not in listed:
        return stem, []
    return ticker, [f"taken as {ticker}: the file is called {path.name}, and {ticker} is a listing of the region"]


def digest(*paths: Path, also: str = "") -> str:
    """sha256 of the files' bytes, and of `also` where it says what the bytes do not."""
    try:
        if len(paths) == 1 and not also:
            with paths[0].open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        whole = hashlib.sha256()
        for path in paths:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise UsageError(f"{paths[0]}: can't be read ({error.strerror}): check the disk it stands on") from error
    whole.update(also.encode())
    return whole.hexdigest()


def require_columns(path: Path, names: Sequence[str], wanted: Wanted) -> None:
    """`UsageError` naming what is missing, unknown or twice among the columns `names` of a CSV or Parquet file.

    `ticker` may be missing: then the file's name stands for it.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    missing = [name for name in NEEDED if name not in names]
    unknown = [name for name in names if name not in ALLOWED]
    faults = [
        f"{word} {', '.join(repr(name) for name in found)}"
        for word, found in (("lacks", missing), ("has unknown", unknown), ("names twice", twice))
        if found
    ]
    if faults:
        raise UsageError(
            f"{path}: {'; '.join(faults)}. Columns that belong: {','.join(NEEDED)}; and if there: "
            f"{','.join(name for name in ALLOWED if name not in NEEDED)}"
        )
    require_region(path, names, wanted)


def require_region(path: Path, names: Sequence[str], wanted: Wanted) -> None:
    """`UsageError` where neither the file nor the options name a region."""
    if "region" not in names and wanted.region is None:
        raise UsageError(f"{path}: has no column region: say whose bars they are with --region")
