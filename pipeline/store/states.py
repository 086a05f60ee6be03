"""Why cells hold no bar, and where listings begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl

from pipeline.errors import DuplicateRows
from pipeline.statements import statement
from pipeline.store.incoming import incoming, require_region
from pipeline.store.schemas import LISTING_RANGES, QUARANTINE, SESSION_STATES, STORED_BARS

if TYPE_CHECKING:
    from pipeline.store.batch import Batch


def write_states(connection: duckdb.DuckDBPyConnection, batch: Batch) -> pl.DataFrame:
    """Write why cells hold no bar; returns (QUARANTINE) the received rows that deny a bar which stands."""
    for states in (batch.explained, batch.inferred):
        if states.select("ticker", "date").is_duplicated().any():
            raise DuplicateRows(f"region {batch.region}: batch {batch.batch_id} names a cell twice among its session states")
    if batch.bars.height:
        with incoming(connection, batch.bars, STORED_BARS):
            connection.execute(statement("store/delete_states_of_bars"), {"region": batch.region})
    contradictions = pl.DataFrame(schema=QUARANTINE)
    if batch.explained.height:
        require_region(batch.explained, batch.region)
        with incoming(connection, batch.explained, SESSION_STATES):
            found = connection.sql(statement("store/contradicted_states")).pl()
            connection.execute(statement("store/replace_states"))
            connection.execute(statement("store/insert_states"))
        if found.height:
            contradictions = found.cast(QUARANTINE)
    if batch.inferred.height:
        require_region(batch.inferred, batch.region)
        with incoming(connection, batch.inferred, SESSION_STATES):
            connection.execute(statement("store/infer_states"))
            connection.execute(statement("store/replace_inferred_states"))
            connection.execute(statement("store/insert_inferred_states"))
    return contradictions


def write_ranges(connection: duckdb.DuckDBPyConnection, ranges: pl.DataFrame, region: str) -> None:
    """Ranges of listings; one that ended is an event, and ends the listing."""
    if not ranges.height:
        return
    require_region(ranges, region)
    with incoming(connection, ranges, LISTING_RANGES):
        connection.execute(statement("store/merge_ranges"))
        if ranges["last_session"].is_not_null().any():
            connection.execute(statement("store/insert_delisted_events"))
            connection.execute(statement("store/end_listings"))
