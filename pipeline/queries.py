"""Questions to the newest replica: named queries of `sql/queries`, free SQL, where each region stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipeline import resources
from pipeline.errors import UsageError
from pipeline.statements import statement
from pipeline.store import replica
from pipeline.store.file import records, translated

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
_SCHEMAS = ("main", "original")


def named() -> list[Row]:
    """The named queries: name, and what they answer (their first comment line)."""
    found = []
    for path in sorted(resources.path("sql", "queries").glob("*.sql")):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        found.append({"name": path.stem, "answers": first.removeprefix("--").strip()})
    return found


def parameters(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a dict; `UsageError` for a text without `=`."""
    values = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise UsageError(f"--param {pair!r}: write it as NAME=VALUE")
        values[name] = value
    return values


def run(home: Path, query: str, *, params: Mapping[str, Any] | None = None, schema: str = "main") -> list[Row]:
    """Rows of a query on the newest replica: the name of one in `sql/queries`, or SQL text.

    `UsageError` with DuckDB's words for SQL it can't take, `NoReplica` where nothing was published.
    """
    if schema not in _SCHEMAS:
        raise UsageError(f"--schema {schema!r}: one of {', '.join(_SCHEMAS)}")
    asked = text(query)
    connection = replica.open_newest(home)
    try:
        connection.execute(statement(f"use_{schema}"))
        with translated(home), _in_words():
            _require_parameters(connection, asked, params or {})
            return records(connection.execute(asked, dict(params) if params else None))
    finally:
        connection.close()


def frame(connection: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, Any]) -> pl.DataFrame:
    """The answer of one SQL statement as a frame; `UsageError` with DuckDB's words for SQL it can't take."""
    with _in_words():
        if len(connection.extract_statements(query)) > 1:
            raise UsageError("more than one statement: ask them one by one")
        _require_parameters(connection, query, params)
        relation = connection.sql(query, params=dict(params) or None)
    if relation is None:
        raise UsageError("the query has no answer: ask with SELECT, or FROM")
    with _in_words():
        found: pl.DataFrame = relation.pl()
    return found


def text(query: str) -> str:
    """SQL text as it is, or that of a named query; `UsageError` for a name that none has."""
    if any(character.isspace() for character in query.strip()):
        return query
    names = {row["name"] for row in named()}
    if query in names:
        return resources.path("sql", "queries", f"{query}.sql").read_text(encoding="utf-8")
    raise UsageError(f"no query is named {query!r}: known are {', '.join(sorted(names))}; or give SQL text")


@contextmanager
def _in_words() -> Iterator[None]:
    """DuckDB's complaints about a question as `UsageError`."""
    try:
        yield
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, duckdb.InvalidInputException) as error:
        raise UsageError(f"the query can't be answered: {error}") from error


def _require_parameters(connection: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, Any]) -> None:
    names = {name for one in connection.extract_statements(query) for name in one.named_parameters}
    missing = sorted(names - set(params))
    if missing:
        given = " ".join(f"--param {name}=VALUE" for name in missing)
        raise UsageError(f"the query needs {' '.join(f'${name}' for name in missing)}: give {given} (Python: as keywords)")


def region_standings(home: Path) -> list[Row]:
    """One row a region that has data: last complete session, coverage, rows, tickers, and as of when the replica is."""
    connection = replica.open_newest(home)
    try:
        return records(connection.execute(statement("status")))
    finally:
        connection.close()
