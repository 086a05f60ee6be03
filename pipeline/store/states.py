"""Why cells hold no bar, and where listings begin and end."""

from __future__ import annotations

import duckdb
import polars as pl

from pipeline.errors import DuplicateRows
from pipeline.statements import statement
from pipeline.store.incoming import incoming, require_region
from pipeline.store.schemas import LISTING_RANGES, QUARANTINE, SESSION_STATES


def write_states(
    connection: duckdb.DuckDBPyConnection,
    region: str,
    explained: pl.DataFrame,
    inferred: pl.DataFrame,
) -> pl.DataFrame:
    """Write why cells hold no bar: SESSION_STATES that rows `explained` or silence `inferred`.

    Returns (QUARANTINE) the received rows that deny a bar which stands.
    """
    for states in (explained, inferred):
        if states.select("ticker", "date").is_duplicated().any():
            raise DuplicateRows(f"region {region}: a batch names a cell twice among its session states")
    contradictions = pl.DataFrame(schema=QUARANTINE)
    if explained.height:
        require_region(explained, region)
        with incoming(connection, explained, SESSION_STATES):
            found = connection.sql(statement("store/contradicted_states")).pl()
            connection.execute(statement("store/replace_states"))
            connection.execute(statement("store/insert_states"))
        if found.height:
            contradictions = found.cast(QUARANTINE)
    if inferred.height:
        require_region(inferred, region)
        with incoming(connection, inferred, SESSION_STATES):
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
