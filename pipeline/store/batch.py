"""The one write path: a checked batch into the store, in one transaction with its marker.

Bars carry no primary key; they stay unique because every bar passes here: rows that stand already are found first, the
unchanged ones are left alone, the changed ones move to `ohlcv_revisions`, and before the transaction ends each key of the
batch must stand exactly once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import duckdb
import polars as pl

from adapters.base import BARS, INDEX_BARS
from pipeline.errors import DuplicateRows, OriginMismatch, StoreError
from pipeline.statements import statement
from pipeline.store.file import registered, rows

#: Columns and dtypes of `ohlcv_data`, in the table's order.
STORED_BARS = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "timeframe": pl.String(),
        "date": pl.Date(),
        **{name: BARS[name] for name in ("open", "high", "low", "close", "volume", "amount", "currency")},
        "provider": pl.String(),
        "basis": pl.String(),
        "adjusted_through": pl.Date(),
        "finality": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)

#: Columns and dtypes of `index_bars`, in the table's order.
STORED_INDEX_BARS = pl.Schema(
    {**INDEX_BARS, "finality": pl.String(), "known_at": pl.Datetime("us", "UTC"), "run_id": pl.String()}
)

#: Columns and dtypes of `session_states`, in the table's order.
SESSION_STATES = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "date": pl.Date(),
        "state": pl.String(),
        "reason": pl.String(),
        "close": pl.Float64(),
        "asked": pl.Int32(),
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)

#: Columns and dtypes of `quarantine`, in the table's order.
QUARANTINE = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "date": pl.Date(),
        "rule": pl.String(),
        "reason": pl.String(),
        "raw": pl.String(),
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)

#: Columns and dtypes of `listing_ranges`, in the table's order.
LISTING_RANGES = pl.Schema(
    {
        "region": pl.String(),
        "ticker": pl.String(),
        "asked_from": pl.Date(),
        "first_session": pl.Date(),
        "last_session": pl.Date(),
        "evidence": pl.String(),
        "provider": pl.String(),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String(),
    }
)


def _empty(schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True)
class Batch:
    """What one transaction commits: rows of one region that were checked together.

    `bars` STORED_BARS; `explained` SESSION_STATES, one for each received row that says why there is no bar; `inferred`
    SESSION_STATES read from rows that did not come or were refused; `quarantine` QUARANTINE; `ranges` LISTING_RANGES.
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

    Raises `OriginMismatch` before anything is written, `DuplicateRows` when a key would not stand exactly once; the
    caller's transaction then rolls back.
    """
    marker = rows(connection, "store/commit_marker", batch_id=batch.batch_id)
    if marker:
        return Committed(*marker[0])
    claim_origin(connection, batch.origin, batch.run_id, batch.committed_at)
    stored, revised = write_bars(connection, batch.bars, batch.region, batch.run_id, batch.committed_at)
    contradictions = _write_states(connection, batch)
    _append(connection, "store/insert_quarantine", pl.concat([batch.quarantine, contradictions]), QUARANTINE)
    _write_ranges(connection, batch.ranges)
    refused = batch.quarantine.height + contradictions.height
    explained = batch.explained.height - contradictions.height
    done = Committed(
        received=batch.bars.height + explained + refused + batch.repeated,
        stored=stored,
        revised=revised,
        confirmed=batch.bars.height - stored,
        explained=explained,
        refused=refused,
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


def claim_origin(connection: duckdb.DuckDBPyConnection, origin: str, run_id: str, at: dt.datetime) -> None:
    """Stamp a store without an origin; raise `OriginMismatch` when it has the other one."""
    if not require_origin(connection, origin):
        connection.execute(statement("store/insert_origin"), {"origin": origin, "since": at, "run_id": run_id})


def require_origin(connection: duckdb.DuckDBPyConnection, origin: str) -> bool:
    """Whether the store has this origin; False while it has none, `OriginMismatch` when it has the other one."""
    stamp = rows(connection, "store/origin")
    if stamp and stamp[0][0] != origin:
        raise OriginMismatch(
            f"this store holds {stamp[0][0]} rows (since run {stamp[0][1]}) and refuses {origin} ones: "
            + (
                "unset SPOCK_SANDBOX_URL, or point SPOCK_HOME at another folder for the sandbox"
                if origin == "sandbox"
                else "point SPOCK_HOME at a folder of its own for live data"
            )
        )
    return bool(stamp)


def write_bars(
    connection: duckdb.DuckDBPyConnection, bars: pl.DataFrame, region: str, run_id: str, at: dt.datetime
) -> tuple[int, int]:
    """Write STORED_BARS of one region; returns how many were new or changed, and of those how many replaced other values."""
    if not bars.height:
        return 0, 0
    _require_region(bars, region)
    first, last = bars["date"].min(), bars["date"].max()
    assert isinstance(first, dt.date)
    assert isinstance(last, dt.date)
    span = {"region": region, "first": first, "last": last}
    with _incoming(connection, bars, STORED_BARS):
        connection.execute(statement("store/standing"), span)
        standing, unchanged, changed = rows(connection, "store/standing_counts")[0]
        if changed:
            connection.execute(statement("store/insert_revisions"), {"run_id": run_id, "at": at})
        if standing > unchanged:
            connection.execute(statement("store/delete_replaced"))
        connection.execute(statement("store/insert_bars" if standing else "store/insert_all_bars"))
        standing_rows, keys = rows(connection, "store/count_keys", **span)[0]
    if (standing_rows, keys) != (bars.height, bars.height):
        raise DuplicateRows(
            f"region {region}, {first} to {last}: a batch of {bars.height} bars left {standing_rows} rows "
            f"for {keys} keys in ohlcv_data, so a key would not stand exactly once; rolled back. "
            "The batch or the table holds a key twice: see `spock runs` for the run, nothing of this batch was written"
        )
    return bars.height - unchanged, changed


def write_index_bars(connection: duckdb.DuckDBPyConnection, bars: pl.DataFrame, region: str) -> None:
    """Write STORED_INDEX_BARS of one region: rows that stand with other values are replaced."""
    if not bars.height:
        return
    _require_region(bars, region)
    with _incoming(connection, bars, STORED_INDEX_BARS):
        connection.execute(statement("store/delete_index_bars"))
        connection.execute(statement("store/insert_index_bars"))
        standing = rows(connection, "store/count_index_keys")[0][0]
    if standing != bars.height:
        raise DuplicateRows(
            f"region {region}: {bars.height} index bars left {standing} rows for their keys in index_bars; rolled back"
        )


def _write_states(connection: duckdb.DuckDBPyConnection, batch: Batch) -> pl.DataFrame:
    """Write why cells hold no bar; returns (QUARANTINE) the received rows that deny a bar which stands."""
    if batch.bars.height:
        with _incoming(connection, batch.bars, STORED_BARS):
            connection.execute(statement("store/delete_states_of_bars"), {"region": batch.region})
    contradictions = _empty(QUARANTINE)
    if batch.explained.height:
        _require_region(batch.explained, batch.region)
        with _incoming(connection, batch.explained, SESSION_STATES):
            found = connection.sql(statement("store/contradicted_states")).pl()
            connection.execute(statement("store/replace_states"))
            connection.execute(statement("store/insert_states"))
        if found.height:
            contradictions = found.cast(QUARANTINE)
    if batch.inferred.height:
        _require_region(batch.inferred, batch.region)
        with _incoming(connection, batch.inferred, SESSION_STATES):
            connection.execute(statement("store/infer_states"))
            connection.execute(statement("store/replace_inferred_states"))
            connection.execute(statement("store/insert_inferred_states"))
    return contradictions


def _write_ranges(connection: duckdb.DuckDBPyConnection, ranges: pl.DataFrame) -> None:
    """Ranges of listings; one that ended is an event, and ends the listing."""
    if not ranges.height:
        return
    with _incoming(connection, ranges, LISTING_RANGES):
        connection.execute(statement("store/merge_ranges"))
        if ranges["last_session"].is_not_null().any():
            connection.execute(statement("store/insert_delisted_events"))
            connection.execute(statement("store/end_listings"))


def _append(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame, schema: pl.Schema) -> None:
    if frame.height:
        with _incoming(connection, frame, schema):
            connection.execute(statement(name))


def _require_region(frame: pl.DataFrame, region: str) -> None:
    regions: list[str] = frame["region"].unique().sort().to_list()
    if regions != [region]:
        raise StoreError(f"a batch of region {region} holds rows of region {', '.join(regions)}")


@contextmanager
def _incoming(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, schema: pl.Schema) -> Iterator[None]:
    """Let SQL see `frame` as the table `incoming`."""
    if frame.schema != schema:
        raise StoreError(f"a batch does not have its table's columns: expected {dict(schema)}, got {dict(frame.schema)}")
    with registered(connection, incoming=frame):
        yield
