"""The one write path: a checked batch into the store, in one transaction with its marker.

Bars carry no primary key; they stay unique because every bar passes here: rows that stand already are found first, the
unchanged ones are left alone, the changed ones move to `ohlcv_revisions`, and before the transaction ends each key of the
batch must stand exactly once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field

import duckdb
import polars as pl

from pipeline import settings
from pipeline.errors import StoreError
from pipeline.statements import statement
from pipeline.store.actions import write_actions
from pipeline.store.bars import write_bars
from pipeline.store.file import rows
from pipeline.store.incoming import append
from pipeline.store.origin import claim_origin
from pipeline.store.schemas import LISTING_RANGES, QUARANTINE, SESSION_STATES, STORED_ACTIONS
from pipeline.store.states import write_ranges, write_states


def _empty(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Batch:
    """What one transaction commits: rows of one region that were checked together.

    `bars` STORED_BARS; `explained` SESSION_STATES, one for each received row that says why there is no bar; `inferred`
    SESSION_STATES read from rows that did not come or were refused; `quarantine` QUARANTINE; `ranges` LISTING_RANGES;
    `actions` STORED_ACTIONS.
    `repeated` counts received rows that were exact repeats of another one. `venue` where all rows are of one.
    """

    batch_id: str
    run_id: str
    region: str
    origin: str
    committed_at: dt.datetime
    bars: pl.DataFrame
    explained: pl.DataFrame = field(default_factory=lambda: _empty(SESSION_STATES))
    inferred: pl.DataFrame = field(default_factory=lambda: _empty(SESSION_STATES))
    quarantine: pl.DataFrame = field(default_factory=lambda: _empty(QUARANTINE))
    ranges: pl.DataFrame = field(default_factory=lambda: _empty(LISTING_RANGES))
    repeated: int = 0
    venue: str | None = None
    actions: pl.DataFrame = field(default_factory=lambda: _empty(STORED_ACTIONS))


@dataclass(frozen=True)
class Committed:
    """What a batch did: received = stored + confirmed + explained + refused + repeated; `revised` are among the stored."""

    received: int = 0
    stored: int = 0
    revised: int = 0
    confirmed: int = 0
    explained: int = 0
    refused: int = 0
    repeated: int = 0

    def __add__(self, other: Committed) -> Committed:
        return Committed(**{name: value + getattr(other, name) for name, value in asdict(self).items()})


def commit_batch(connection: duckdb.DuckDBPyConnection, batch: Batch) -> Committed:
    """Write `batch` inside the caller's transaction; a batch whose marker stands already changes nothing.

    Raises `StoreError` for a region that settings do not know and `OriginMismatch` before anything is written,
    `DuplicateRows` when a key would not stand exactly once; the caller's transaction then rolls back.
    """
    if batch.region not in settings.available_regions():
        raise StoreError(
            f"batch {batch.batch_id}: region {batch.region!r} is none of {', '.join(settings.available_regions())}: not written"
        )
    marker = rows(connection, "store/commit_marker", batch_id=batch.batch_id)
    if marker:
        return Committed(*marker[0])
    claim_origin(connection, batch.origin, batch.run_id, batch.committed_at)
    written = write_bars(connection, batch.bars, batch.region, batch.run_id, batch.committed_at)
    contradictions = write_states(connection, batch.region, batch.explained, batch.inferred)
    quarantine = pl.concat([batch.quarantine, written.withheld, contradictions])
    append(connection, "store/insert_quarantine", quarantine, QUARANTINE)
    write_ranges(connection, batch.ranges, batch.region)
    # Remarks on actions stand beside the rows that were refused, but are no rows that came.
    remarks = write_actions(connection, batch.actions, batch.region, batch.run_id, batch.committed_at)
    append(connection, "store/insert_quarantine", remarks, QUARANTINE)
    explained = batch.explained.height - contradictions.height
    done = Committed(
        received=batch.bars.height + batch.explained.height + batch.quarantine.height + batch.repeated,
        stored=written.stored,
        revised=written.revised,
        confirmed=batch.bars.height - written.stored - written.withheld.height,
        explained=explained,
        refused=quarantine.height,
        repeated=batch.repeated,
    )
    dates = pl.concat([batch.bars["date"], batch.explained["date"]])
    connection.execute(
        statement("store/insert_marker"),
        {
            "batch_id": batch.batch_id,
            "run_id": batch.run_id,
            "region": batch.region,
            "venue": batch.venue,
            "first_session": dates.min(),
            "last_session": dates.max(),
            **asdict(done),
            "committed_at": batch.committed_at,
        },
    )
    return done
