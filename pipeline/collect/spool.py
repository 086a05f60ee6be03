"""The spool: fetched pages on disk before anything else happens to them, so that a kill can't lose them.

One Parquet file a batch, in the run's folder: the bars as rows (BARS), everything else about the units inside (ranges
asked, refused rows, corporate actions, what their silence means) as JSON in the file's metadata, so that a file is whole
or not there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StoreCorrupt
from pipeline.frames import ACTIONS, BARS, REFUSED
from pipeline.store.file import translated

_KEY = b"spock.units"


@dataclass(frozen=True)
class Unit:
    """One question to a provider: the bars of a ticker from `start` to `end`, both included.

    `known_before`: bars from before `start` are stored, so a missing first row is a hole and not the listing's beginning.
    `listed_from` is what the exchange's list says.
    """

    ticker: str
    venue: str
    currency: str
    start: dt.date
    end: dt.date
    known_before: bool
    listed_from: dt.date | None


@dataclass(frozen=True)
class Silence:
    """A session of a unit for which no row came, and what that is taken for (`no_trade`, `not_listed`, `gap`)."""

    date: dt.date
    state: str
    reason: str
    asked: int


@dataclass(frozen=True)
class Fetched:
    """A unit's answer: every row that came (`bars` BARS, `refused` REFUSED) and what the missing ones mean.

    `first_session` is set where the answer shows that the listing began there, `last_session` where the provider's list
    ends it; `evidence` says how that is known. `walked` says that the provider answered for the whole range. `actions`
    (ACTIONS) is what the answer tells of corporate actions, `seconds` how long the unit's questions took, waits included.
    """

    unit: Unit
    provider: str
    bars: pl.DataFrame
    refused: pl.DataFrame
    silences: tuple[Silence, ...]
    first_session: dt.date | None
    last_session: dt.date | None
    evidence: str
    pages: int
    walked: bool = True
    actions: pl.DataFrame = field(default_factory=ACTIONS.to_frame)
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """A ticker that no provider answered for, why, and when one can be asked again, where one said so."""

    ticker: str
    reason: str
    retry_at: dt.datetime | None = None


@dataclass(frozen=True)
class SpoolFile:
    """One batch on disk; `path` is absolute."""

    batch_id: str
    path: Path
    units: int
    pages: int
    rows: int
    sha256: str


def write(folder: Path, batch_id: str, fetched: Iterable[Fetched]) -> SpoolFile:
    """Write one batch and force it to disk; the file appears under its name only when it is whole."""
    answers = list(fetched)
    bars = pl.concat([answer.bars for answer in answers]) if answers else pl.DataFrame(schema=BARS)
    path = folder / f"{batch_id}.parquet"
    table = bars.to_arrow()
    units = json.dumps([_describe(answer) for answer in answers], ensure_ascii=False, default=str)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: units.encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content = sink.getvalue().to_pybytes()
    _keep(path, content)
    return SpoolFile(
        batch_id=batch_id,
        path=path,
        units=len(answers),
        pages=sum(answer.pages for answer in answers),
        rows=bars.height + sum(answer.refused.height for answer in answers),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def read(path: Path) -> list[Fetched]:
    """The answers of one spooled batch, as they were written; `StoreCorrupt` for a file that is damaged."""
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise _damaged(path, error) from error
    bars = pl.DataFrame(pl.from_arrow(table)).cast(dict(BARS))  # type: ignore[arg-type]
    described = json.loads(table.schema.metadata[_KEY])
    answers = []
    offset = 0
    for entry in described:
        count = entry["rows"]
        answers.append(_restore(entry, bars.slice(offset, count)))
        offset += count
    return answers


def tickers(path: Path) -> list[str]:
    """The tickers of one spooled batch, without reading its bars; `StoreCorrupt` for a file that is damaged."""
    return [entry["unit"]["ticker"] for entry in _described(path)]


def slowest(folder: Path, n: int) -> list[tuple[str, float, int]]:
    """The `n` tickers of a run's folder that took longest: ticker, seconds, pages, over all its attempts."""
    taken: dict[str, tuple[float, int]] = {}
    for path in files(folder, ""):
        for entry in _described(path):
            seconds, pages = taken.get(entry["unit"]["ticker"], (0.0, 0))
            taken[entry["unit"]["ticker"]] = (seconds + entry.get("seconds", 0.0), pages + entry["pages"])
    ranked = sorted(taken.items(), key=lambda one: (-one[1][0], one[0]))
    return [(ticker, seconds, pages) for ticker, (seconds, pages) in ranked[:n]]


def files(folder: Path, prefix: str) -> list[Path]:
    """The whole batches of a run's folder whose id begins with `prefix`, in the order they were written."""
    return sorted(folder.glob(f"{prefix}*.parquet"))


def write_failures(folder: Path, prefix: str, failures: Iterable[Failed]) -> None:
    """Keep which tickers stayed without an answer, so that a resume still knows why."""
    content = json.dumps([asdict(failed) for failed in failures], ensure_ascii=False, default=dt.datetime.isoformat)
    _keep(folder / f"{prefix}failures.json", content.encode())


def read_failures(folder: Path, prefix: str) -> list[Failed]:
    """The failures of an attempt whose fetch has ended; none where it has not."""
    path = folder / f"{prefix}failures.json"
    return [_restore_failed(entry) for entry in json.loads(path.read_bytes())] if path.exists() else []


def _restore_failed(entry: dict[str, str | None]) -> Failed:
    retry_at = entry.get("retry_at")  # files of runs before it was kept have none
    return Failed(str(entry["ticker"]), str(entry["reason"]), None if retry_at is None else dt.datetime.fromisoformat(retry_at))


def _described(path: Path) -> list[dict[str, Any]]:
    """What stands in the file about its units; its bars are not read."""
    try:
        metadata = pq.read_schema(path).metadata
    except pa.ArrowInvalid as error:
        raise _damaged(path, error) from error
    described: list[dict[str, Any]] = json.loads(metadata[_KEY])
    return described


def _damaged(path: Path, error: Exception) -> StoreCorrupt:
    return StoreCorrupt(f"{path}: is damaged: move it away and run again, its tickers are asked anew ({error})")


def _keep(path: Path, content: bytes) -> None:
    """Force `content` to disk; the file appears under its name only when it is whole."""
    draft = path.with_name(path.name + ".draft")
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _describe(answer: Fetched) -> dict[str, object]:
    return {
        "unit": asdict(answer.unit),
        "provider": answer.provider,
        "rows": answer.bars.height,
        "refused": answer.refused.to_dicts(),
        "silences": [asdict(silence) for silence in answer.silences],
        "first_session": answer.first_session,
        "last_session": answer.last_session,
        "evidence": answer.evidence,
        "pages": answer.pages,
        "walked": answer.walked,
        "actions": answer.actions.to_dicts(),
        "seconds": answer.seconds,
    }


def _restore(entry: dict[str, Any], bars: pl.DataFrame) -> Fetched:
    unit = entry["unit"]
    refused = [{**row, "date": _date(row["date"])} for row in entry["refused"]]
    silences = [{**row, "date": _date(row["date"])} for row in entry["silences"]]
    # Spools of earlier versions know neither actions nor seconds.
    actions = [{**row, "ex_date": _date(row["ex_date"])} for row in entry.get("actions", [])]
    return Fetched(
        unit=Unit(**{**unit, **{name: _date(unit[name]) for name in ("start", "end", "listed_from")}}),
        provider=str(entry["provider"]),
        bars=bars,
        refused=pl.DataFrame(refused, schema=REFUSED),
        silences=tuple(Silence(**row) for row in silences),
        first_session=_date(entry["first_session"]),
        last_session=_date(entry["last_session"]),
        evidence=str(entry["evidence"]),
        pages=int(str(entry["pages"])),
        walked=bool(entry["walked"]),
        actions=pl.DataFrame(actions, schema=ACTIONS),
        seconds=float(entry.get("seconds", 0.0)),
    )


def _date(text: object) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(str(text))
