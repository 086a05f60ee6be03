"""Questions to the newest replica: named queries of `sql/queries`, free SQL, where each region stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipeline import resources
from pipeline.errors import UsageError
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import records, translated

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
    text = _text(query)
    connection = Store(home).read()
    try:
        connection.execute(statement(f"use_{schema}"))
        with translated(home):
            answer = _answer(connection, text, params)
        return answer
    finally:
        connection.close()


def _answer(connection: duckdb.DuckDBPyConnection, text: str, params: Mapping[str, Any] | None) -> list[Row]:
    try:
        wanted = connection.extract_statements(text)
        names = {name for one in wanted for name in one.named_parameters}
        missing = names - set(params or {})
        if missing:
            raise UsageError(f"the query needs --param {' --param '.join(f'{name}=…' for name in sorted(missing))}")
        return records(connection.execute(text, dict(params) if params else None))
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, duckdb.InvalidInputException) as error:
        raise UsageError(f"the query can't be answered: {error}") from error


def _text(query: str) -> str:
    if any(character.isspace() for character in query.strip()):
        return query
    names = {row["name"] for row in named()}
    if query in names:
        return resources.path("sql", "queries", f"{query}.sql").read_text(encoding="utf-8")
    raise UsageError(f"no query is named {query!r}: known are {', '.join(sorted(names))}; or give SQL text")


def region_standings(home: Path) -> list[Row]:
    """One row a region that has data: last complete session, coverage, rows, tickers, and as of when the replica is."""
    connection = Store(home).read()
    try:
        return records(connection.execute(statement("status")))
    finally:
        connection.close()
