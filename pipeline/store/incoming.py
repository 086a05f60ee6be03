"""A frame as the table `incoming` of our statements, after a look at its columns and its region."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import polars as pl

from pipeline.errors import StoreError
from pipeline.statements import statement
from pipeline.store.file import registered


@contextmanager
def incoming(connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, schema: pl.Schema) -> Iterator[None]:
    """Let SQL see `frame` as the table `incoming`."""
    if frame.schema != schema:
        raise StoreError(f"a batch does not have its table's columns: expected {dict(schema)}, got {dict(frame.schema)}")
    with registered(connection, incoming=frame):
        yield


def require_region(frame: pl.DataFrame, region: str) -> None:
    """Raise `StoreError` for rows of any other region: a batch never crosses regions."""
    regions: list[str] = frame["region"].unique().sort().to_list()
    if regions != [region]:
        raise StoreError(f"a batch of region {region} holds rows of region {', '.join(regions)}")


def append(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame, schema: pl.Schema) -> None:
    """Run one of our insert statements over `frame`, if it has rows."""
    if frame.height:
        with incoming(connection, frame, schema):
            connection.execute(statement(name))
