"""Checks of what is kept in the home: the store, its replica, the operations database, leftovers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import settings
from pipeline.doctor.finding import Finding, size
from pipeline.errors import ConfigError, NoReplica, SpockError, StoreLocked

if TYPE_CHECKING:
    import duckdb

#: A store that is being written for longer is told, not waited for.
_LOCK_WAIT_SECONDS = 5.0
#: Where a killed command may leave a half-written file, below the home.
_DRAFTS = ("*.draft*", "reports/*.draft", "runs/*/*.draft")


def store_file(home: Path) -> Iterator[Finding]:
    """Whether the store opens, what it is, and whether its keys are unique."""
    from pipeline.store import Store

    store = Store(home, lock_wait_seconds=_LOCK_WAIT_SECONDS)
    if not store.exists():
        todo = "run `spock nightly KR`, or `spock demo` to see one"
        yield Finding("store", "notice", f"{home} holds no store yet", todo)
        return
    try:
        schema, origins, duplicates = store.look(_looked_over, "doctor")
    except StoreLocked as error:
        yield Finding("store", "notice", str(error), "run `spock doctor` again when it has ended")
        return
    except SpockError as error:
        todo = "do what the message says; `spock sql` still reads the last replica"
        yield Finding("store", "wrong", str(error), todo)
        return
    origin = origins[0] if origins else None
    words = f"{store.path} opens: schema {schema}, {origin or 'empty'}, {size(store.path.stat().st_size)}"
    yield Finding("store", "ok", words)
    for table, count in duplicates:
        yield Finding(
            "store",
            "wrong",
            f"{count:,} keys stand more than once in {table}: nothing can be published",
            "restore the last backup (see backups/README.md)",
        )
    yield from _origin(origin)


def _looked_over(connection: duckdb.DuckDBPyConnection) -> tuple[int, list[str], list[tuple[str, int]]]:
    """Schema number, origin (none in a store without rows), and tables with keys that stand twice."""
    from pipeline.store.file import rows

    schema = max((number for number, _ in rows(connection, "store/applied_migrations")), default=0)
    origins = [origin for origin, _ in rows(connection, "store/origin")]
    return schema, origins, [(table, count) for table, count in rows(connection, "store/duplicate_keys")]


def _origin(origin: str | None) -> Iterator[Finding]:
    try:
        here = settings.origin()
    except ConfigError:
        return  # the clock's finding says it
    if origin is not None and origin != here:
        words = f"the store holds {origin} rows and refuses {here} ones"
        todo = "unset SPOCK_SANDBOX_URL" if here == "sandbox" else "set SPOCK_SANDBOX_URL"
        yield Finding("origin", "notice", words, f"to collect here {todo}, or point SPOCK_HOME at another folder")


def newest_replica(home: Path) -> Iterator[Finding]:
    """Whether readers have something to read, and how old it is."""
    from pipeline.store import Store
    from pipeline.store.file import rows, translated

    store = Store(home, lock_wait_seconds=_LOCK_WAIT_SECONDS)
    if not store.exists() and not (home / "replica.duckdb").is_symlink():
        return
    try:
        connection = store.read()
        try:
            with translated(home):
                as_of, published_at, batches = rows(connection, "store/replica_standing")[0]
        finally:
            connection.close()
        held = store.look(_batches, "doctor") if store.exists() else batches
    except NoReplica as error:
        yield Finding("replica", "notice", str(error), "run `spock publish`")
        return
    except StoreLocked:
        return  # the store's finding says it
    except SpockError as error:
        yield Finding("replica", "wrong", str(error), "run `spock publish`")
        return
    age = dt.datetime.now(dt.UTC) - published_at
    words = f"as of {as_of:%Y-%m-%d %H:%M} UTC, published {_age(age)} ago"
    if held > batches:
        yield Finding("replica", "notice", f"{words}; {held - batches:,} batches are newer", "run `spock publish`")
    else:
        yield Finding("replica", "ok", words)


def _batches(connection: duckdb.DuckDBPyConnection) -> int:
    from pipeline.store.file import rows

    return int(rows(connection, "store/commit_count")[0][0])


def state_file(home: Path) -> Iterator[Finding]:
    """Whether the operations database opens, and how the last run ended."""
    from pipeline.state import State

    state = State(home)
    if not state.path.exists():
        return
    try:
        runs = state.runs(limit=1)
    except SpockError as error:
        yield Finding("state", "wrong", str(error), "do what the message says")
        return
    finally:
        state.close()
    if not runs:
        yield Finding("state", "ok", f"{state.path} opens; no run yet")
        return
    last = runs[0]
    words = f"{state.path} opens; last run {last['run_id']}: {last['status']}"
    if last["status"] == "complete":
        yield Finding("state", "ok", words)
    elif last["status"] == "running":
        yield Finding("state", "notice", words, "if it is not running any more: the same command goes on where it was")
    else:
        yield Finding("state", "notice", words, "see `spock runs`; the same command asks for what is missing")


def leftovers(home: Path, state: Path) -> Iterator[Finding]:
    """Files a killed or failed command left behind."""
    drafts = [path for pattern in _DRAFTS for path in sorted(home.glob(pattern))]
    aside = [*sorted(home.glob("*.aside")), *sorted(state.glob("*.damaged"))]
    for path in drafts:
        yield Finding("leftovers", "notice", f"{path}: half written", "delete it, unless a command is running")
    for path in aside:
        words = f"{path}: {size(path.stat().st_size)} moved aside"
        yield Finding("leftovers", "notice", words, "delete it when you don't need it")
    wal = home / "spock.duckdb.wal"
    if wal.exists() and not (home / "spock.duckdb").exists():
        todo = "move it away, or restore spock.duckdb beside it"
        yield Finding("leftovers", "wrong", f"{wal}: a write-ahead log without its store", todo)
    elif not drafts and not aside:
        yield Finding("leftovers", "ok", "none")


def _age(age: dt.timedelta) -> str:
    minutes = max(0, round(age.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
