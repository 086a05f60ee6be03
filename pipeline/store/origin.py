"""Where the rows of a store come from: live providers or the sandbox, never both."""

from __future__ import annotations

import datetime as dt

import duckdb

from pipeline.errors import OriginMismatch
from pipeline.statements import statement
from pipeline.store.file import rows


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
