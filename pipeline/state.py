"""Operations beside the store: runs, stages, spool index, events, provider attempts; many small writers at once.

SQLite in WAL mode, standard library only. Times go in as timezone-aware datetimes and are kept as ISO 8601 UTC text.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.errors import MigrationError, StoreCorrupt, StoreError, StoreForeign, StoreFull, StoreReadOnly
from pipeline.migrations import pending
from pipeline.statements import statement

FILE = "state.sqlite"
_BUSY_SECONDS = 30.0
_A_LITTLE = 1 << 20

#: Tables a publish copies into the replica, so that SQL sees them beside the bars.
REPLICATED = ("runs", "stages", "region_status", "provider_attempts", "orders", "fills", "ledger")


class State:
    """The operational database of one home; safe to share among threads (each gets its own connection)."""

    def __init__(self, home: Path | str) -> None:
        self.path = Path(home) / FILE
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    # runs -------------------------------------------------------------------------------------------------------------

    def begin_run(
        self,
        run_id: str,
        *,
        kind: str,
        region: str,
        first_session: dt.date,
        target_session: dt.date,
        origin: str,
        as_of: dt.datetime,
        again: bool = False,
    ) -> int:
        """Begin or go on with a run; returns its attempt: the next one where the last had ended (`again`), else the same."""
        values = {
            "run_id": run_id,
            "kind": kind,
            "region": region,
            "first_session": first_session.isoformat(),
            "target_session": target_session.isoformat(),
            "origin": origin,
            "as_of": _text(as_of),
            "started_at": _text(_now()),
            "again": int(again),
        }
        attempt = int(self._write("begin_run", values)[0]["attempt"])
        return attempt

    def end_run(self, run_id: str, status: str, **figures: Any) -> None:
        """End a run: `status` complete, partial or failed; figures are the columns sessions … coverage, error."""
        names = ("sessions", "tickers", "received", "stored", "confirmed", "explained", "refused", "coverage", "error")
        unknown = set(figures) - set(names)
        if unknown:
            raise TypeError(f"end_run takes {', '.join(names)}; got {', '.join(sorted(unknown))}")
        values = {name: figures.get(name) for name in names}
        self._write("end_run", {"run_id": run_id, "status": status, "ended_at": _text(_now()), **values})

    def add_requests(self, run_id: str, requests: Mapping[str, int], seconds: float) -> None:
        """Add one attempt's requests by provider and its seconds to the run's totals."""
        with self._transaction() as connection:
            row = connection.execute(statement("state/run"), {"run_id": run_id}).fetchone()
            total: dict[str, int] = json.loads(row["requests"]) if row is not None else {}
            for provider, count in requests.items():
                total[provider] = total.get(provider, 0) + count
            connection.execute(
                statement("state/add_requests"),
                {"run_id": run_id, "requests": json.dumps(total, sort_keys=True), "seconds": seconds},
            )

    def run(self, run_id: str) -> dict[str, Any] | None:
        """One run as a dict of its columns, or None."""
        found = self._rows("run", {"run_id": run_id})
        return found[0] if found else None

    def runs(self, region: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
        """Newest runs first."""
        return self._rows("runs", {"region": region, "limit": limit})

    # stages -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def stage(self, run_id: str, name: str) -> Iterator[dict[str, str]]:
        """Time a stage; the dict's `detail` is kept with it. An error marks the stage failed and goes on up."""
        note: dict[str, str] = {}
        began = _now()
        self._write("begin_stage", {"run_id": run_id, "stage": name, "at": _text(began)})
        status = "failed"
        try:
            yield note
            status = "complete"
        finally:
            ended = _now()
            self._write(
                "end_stage",
                {
                    "run_id": run_id,
                    "stage": name,
                    "status": status,
                    "at": _text(ended),
                    "seconds": (ended - began).total_seconds(),
                    "detail": note.get("detail"),
                },
            )

    def stages(self, run_id: str) -> list[dict[str, Any]]:
        """Stages of a run in the order they began."""
        return self._rows("stages", {"run_id": run_id})

    def clear_stages(self, run_id: str) -> None:
        """Forget the stages of earlier attempts."""
        self._write("clear_stages", {"run_id": run_id})

    # spool index ------------------------------------------------------------------------------------------------------

    def record_spool(
        self, batch_id: str, run_id: str, path: str, *, units: int, pages: int, rows: int, sha256: str
    ) -> None:
        """Index one spooled batch; `path` is relative to the home."""
        values = {
            "batch_id": batch_id,
            "run_id": run_id,
            "path": path,
            "units": units,
            "pages": pages,
            "rows": rows,
            "sha256": sha256,
            "at": _text(_now()),
        }
        self._write("record_spool", values)

    def mark_committed(self, run_id: str, batch_id: str | None = None) -> None:
        """Mark one batch of a run, or all of them, as committed to the store."""
        self._write("mark_committed", {"run_id": run_id, "batch_id": batch_id, "at": _text(_now())})

    # events -----------------------------------------------------------------------------------------------------------

    def emit(
        self,
        kind: str,
        region: str,
        *,
        severity: str = "info",
        run_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an event for any number of consumers; `severity` info, warning or critical."""
        text = json.dumps(detail or {}, ensure_ascii=False, default=str, sort_keys=True)
        values = {"at": _text(_now()), "kind": kind, "region": region, "run_id": run_id, "severity": severity}
        self._write("emit", {**values, "detail": text})

    def events(self, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """Events with an id above `after`, oldest first; `detail` is decoded."""
        found = self._rows("events", {"after": after, "limit": limit})
        return [{**row, "detail": json.loads(row["detail"])} for row in found]

    def unread(self, consumer: str, limit: int = 1000) -> list[dict[str, Any]]:
        """Events a consumer has not acknowledged yet."""
        cursor = self._rows("cursor", {"consumer": consumer})
        return self.events(cursor[0]["last_id"] if cursor else 0, limit)

    def acknowledge(self, consumer: str, event_id: int) -> None:
        """Move a consumer's cursor forward to `event_id`; never back."""
        self._write("advance_cursor", {"consumer": consumer, "last_id": event_id})

    # providers and regions --------------------------------------------------------------------------------------------

    def record_attempts(self, rows: list[dict[str, Any]]) -> None:
        """Add up attempts by (run, region, capability, provider, outcome); see the table's columns."""
        with self._transaction() as connection:
            connection.executemany(statement("state/record_attempts"), rows)

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        """How each provider did in a run."""
        return self._rows("attempts", {"run_id": run_id})

    def region_statuses(self) -> dict[str, str]:
        """Status of the regions whose status differs from the settings' default."""
        return {row["region"]: row["status"] for row in self._rows("region_status", {})}

    def set_region_status(self, region: str, status: str, reason: str) -> None:
        """Set a region live, test or off, with the reason."""
        values = {"region": region, "status": status, "reason": reason, "at": _text(_now())}
        self._write("set_region_status", values)

    # the rest ---------------------------------------------------------------------------------------------------------

    def operations(self) -> dict[str, pa.Table]:
        """The tables a replica carries, as Arrow."""
        copies = {}
        for name in REPLICATED:
            with _translated(self.path):
                cursor = self._connection().execute(statement(f"state/copy/{name}"))
                names = [column[0] for column in cursor.description]
                rows = cursor.fetchall()
            copies[name] = pa.table({column: [row[column] for row in rows] for column in names})
        return copies

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    def _rows(self, name: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with _translated(self.path):
            return [dict(row) for row in self._connection().execute(statement(f"state/{name}"), values)]

    def _write(self, name: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        with self._transaction() as connection:
            return connection.execute(statement(f"state/{name}"), values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _translated(self.path):
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # On a full disk SQLite has rolled back by itself; a second ROLLBACK would hide why.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open()
            self._local.connection = connection
            with self._guard:
                self._connections.append(connection)
        return connection

    def _open(self) -> sqlite3.Connection:
        with _translated(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The switch of a new file to WAL does not wait for others that open it too: SQLite answers "locked" at once.
            until = time.monotonic() + _BUSY_SECONDS
            while True:
                try:
                    return self._opened()
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() >= until:
                        raise
                    time.sleep(0.005)

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if not self._missing(connection):
            return
        connection.execute("BEGIN IMMEDIATE")  # another process may be migrating: look again under the lock
        try:
            for migration in self._missing(connection):
                for part in _statements(migration.sql):
                    connection.execute(part)
                connection.execute(
                    statement("state/record_migration"),
                    {"number": migration.number, "name": migration.name, "checksum": migration.checksum},
                )
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise MigrationError(f"{self.path}: a migration failed and was rolled back: {error}") from error
        connection.execute("COMMIT")

    def _missing(self, connection: sqlite3.Connection) -> tuple[Any, ...]:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        names = {row["name"] for row in tables}
        if names and "schema_migrations" not in names:
            raise StoreForeign(f"{self.path}: is an SQLite file but not Spock's state: move it away")
        connection.execute(statement("state/create_record"))
        applied = {row["number"]: row["checksum"] for row in connection.execute(statement("state/applied_migrations"))}
        return pending("state", applied, str(self.path))


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would commit the transaction they belong to."""
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        # On a full disk SQLite calls a failed mapping of its shared memory an I/O error.
        if "full" in text or ("disk I/O error" in text and shutil.disk_usage(path.parent).free < _A_LITTLE):
            raise StoreFull(f"{path}: no space left: free space and run the same command again") from error
        if "readonly" in text or "unable to open" in text:
            raise StoreReadOnly(f"{path}: can't be written ({text}): check the mount and the folder's owner") from error
        if "not a database" in text:
            raise StoreForeign(f"{path}: is not an SQLite file: move it away, or point SPOCK_HOME elsewhere") from error
        if "malformed" in text:
            raise StoreCorrupt(f"{path}: is damaged: move it aside and restore the last backup") from error
        raise StoreError(f"{path}: {text}") from error
    except OSError as error:
        raise StoreReadOnly(f"{path}: can't be made ({error.strerror}): point SPOCK_HOME elsewhere") from error


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _text(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
