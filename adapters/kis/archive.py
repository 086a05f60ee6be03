"""What a provider's zipped lists share, whatever their lines look like: from the archive to a `Universe`.

A list's lines are read one by one: each becomes an instrument or a refused row, none is dropped and none counts twice.
"""

from __future__ import annotations

import datetime as dt
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

import polars as pl

from adapters.base import INSTRUMENTS, Universe
from adapters.kis.rows import Refusals, RowError
from pipeline.errors import Transient, Unavailable

_LARGEST_MEMBER = 64 * 1024 * 1024
#: Lines that don't fit the layout: above this share it is another layout, not a few bad lines.
_BAD_SHARE = 0.05


class Entry(NamedTuple):
    """One listing of a list: the columns of INSTRUMENTS but `region` and `provider`, which every line shares."""

    ticker: str
    venue: str
    name: str | None
    local_name: str | None
    security_type: str
    currency: str
    isin: str | None
    lot: int | None
    listed_from: dt.date | None
    shares: int | None
    value: float | None
    halted: bool | None
    sector_code: str | None


class Layout(Protocol):
    """How the lines of one list look."""

    @property
    def file(self) -> str:
        """Name of the archive."""

    @property
    def shape(self) -> str:
        """What every line is, for messages: `288 bytes wide`."""

    def fits(self, line: bytes) -> bool:
        """Whether the line has that shape."""

    def code(self, line: bytes) -> str | None:
        """The name a refused line goes by: what stands where the code belongs."""


L = TypeVar("L", bound=Layout)

#: What damaged bytes make the zip reader raise, whatever they claim to be compressed with.
_NO_ZIP = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(OSError, EOFError, NotImplementedError, RuntimeError, ValueError),
)


def unzip(archive: bytes, file: str) -> bytes:
    """The archive's single member, however it is called; Transient for an archive that is cut or damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = opened.infolist()
            if len(members) != 1:
                raise Transient(f"kis {file}: {len(members)} members where one belongs")
            if members[0].file_size > _LARGEST_MEMBER:
                raise Transient(f"kis {file}: its member claims {members[0].file_size} bytes")
            return opened.read(members[0])
    except _NO_ZIP as error:
        raise Transient(f"kis {file}: {len(archive)} bytes that are no whole zip ({error})") from error


def universe(
    masters: Mapping[str, bytes],
    layouts: Mapping[str, L],
    entry: Callable[[L, bytes, str], Entry],
    region: str,
    currency: str,
    provider: str,
    *,
    partial_lists: bool,
) -> Universe:
    """Instruments of all lists (`masters`: unzipped file by venue MIC, like `layouts`), in the order of the lists.

    `entry(layout, line, currency)` reads a line that fits and raises RowError for one it refuses; a ticker that was listed
    before is refused (`duplicate_row`). `partial_lists` lets a list be empty as long as another is not: a sandbox need not
    hold every list, a real provider does. Unavailable for a list without a line or of another layout.
    """
    rows: list[Entry] = []
    refusals = Refusals(region, None, provider)
    seen: set[str] = set()
    for venue, content in masters.items():
        if partial_lists and not content.strip() and any(other.strip() for other in masters.values()):
            continue
        layout = layouts[venue]
        for line in _lines(layout, content):
            try:
                row = _row(layout, entry, line, currency, seen)
            except RowError as error:
                reason, raw = f"{layout.file}: {error}", line.decode("cp949", "replace")
                refusals.add(error.rule, reason, raw, ticker=layout.code(line))
                continue
            seen.add(row.ticker)
            rows.append(row)
    instruments = pl.DataFrame(
        [(region, *row, provider) for row in rows], schema=INSTRUMENTS, orient="row", infer_schema_length=None
    )
    return Universe(instruments=instruments, refused=refusals.frame())


def _lines(layout: Layout, content: bytes) -> list[bytes]:
    """The lines that are not blank; Unavailable where there is none, or too many don't fit."""
    lines = [line for line in content.replace(b"\r\n", b"\n").split(b"\n") if line.strip()]
    wrong = sum(not layout.fits(line) for line in lines)
    if not lines or wrong > _BAD_SHARE * len(lines):
        raise Unavailable(
            f"kis {layout.file}: {len(lines)} lines, {wrong} of them not {layout.shape}: "
            "the list is empty or its layout has changed; no universe is made of it"
        )
    return lines


def _row(layout: L, entry: Callable[[L, bytes, str], Entry], line: bytes, currency: str, seen: set[str]) -> Entry:
    """The line's listing; RowError where it doesn't fit, can't be read or is listed already."""
    if not layout.fits(line):
        raise RowError("unparsable", f"a line of {len(line)} bytes that is not {layout.shape}")
    row = entry(layout, line, currency)
    if row.ticker in seen:
        raise RowError("duplicate_row", f"{row.ticker} was listed before, in this list or another; the first is kept")
    return row
