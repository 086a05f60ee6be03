"""The circuit breaker: after enough failures in a row nobody asks for a while, then one request tries for all.

State lives beside the limiter's, so a provider that is down for one process is down for all processes of the machine.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from adapters.machine import NS, glance, machine_state, monotonic_ns, statements
from pipeline.errors import Unavailable

BreakerState = Literal["closed", "open", "half_open"]

#: Seconds after which a probe that reported nothing (its process died) is forgotten; longer than a request's deadline.
PROBE_SECONDS = 90.0
#: While a probe is on its way its answer may come any moment: look again soon, not when it would be forgotten.
LOOK_AGAIN_SECONDS = 0.25


@dataclass(frozen=True)
class _Record:
    failures: int = 0
    opened_at: int | None = None
    probe_at: int | None = None
    reason: str = ""


#: What is read where nothing is on record: closed, no failure counted.
_CLEAN = _Record()


@dataclass(frozen=True)
class OpenBreaker:
    """What is not asked: since how many `failures` in a row, opened how many `seconds` ago, and the last one's `reason`."""

    key: str
    capability: str
    failures: int
    seconds: float
    reason: str


def open_breakers(folder: Path) -> list[OpenBreaker]:
    """The breakers of all processes of the machine that are not closed, by key and capability.

    Changes nothing and makes no file. `StoreError` for a file that can't be read.
    """
    with glance(folder) as found:
        rows = [] if found is None else found.execute(statements()["open_breakers"]).fetchall()
    now = monotonic_ns()
    return [
        OpenBreaker(key, capability, failures, (now - opened_at) / NS, reason)
        for key, capability, failures, opened_at, reason in rows
    ]


class Breaker:
    """Opens after `failures` consecutive failures of (`key`, `capability`) for `seconds`; shared through `folder`.

    Ask `check()` before a request; report exactly one of `success()`, `failure()` or `forget()` after it. Thread-safe.
    """

    def __init__(self, folder: Path, key: str, capability: str, failures: int, seconds: float) -> None:
        self.key = key
        self.capability = capability
        self._failures = failures
        self._open_for = round(seconds * NS)
        self._state = machine_state(folder)

    def check(self) -> None:
        """Return when a request may go; `Unavailable` (with `retry_at`, UTC) while open or while another one probes."""

        def admit(db: sqlite3.Connection) -> tuple[str, int] | None:
            record, now = self._load(db), monotonic_ns()
            if record.opened_at is None:
                return None
            still_open = record.opened_at + self._open_for - now
            if still_open > 0:
                return record.reason, still_open
            if record.probe_at is not None and now < record.probe_at + round(PROBE_SECONDS * NS):
                return record.reason, round(LOOK_AGAIN_SECONDS * NS)
            self._save(db, replace(record, probe_at=now))
            return None

        # Nearly always there is nothing on record. Looking before and after every request, instead of a transaction each
        # time, took a backfill with limits off from 142 to 167 pages a second on a machine with other work.
        refused = None if self._state.look(self._load) == _CLEAN else self._state.run(admit)
        if refused is not None:
            reason, remaining = refused
            # The wall clock is shown, never counted with.
            retry_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=remaining / NS)
            raise Unavailable(
                f"{self.capability}: not asked, the last requests failed ({reason}); again at {retry_at:%H:%M:%S} UTC",
                retry_at,
            )

    def success(self) -> None:
        """The provider answered: closed."""

        def close(db: sqlite3.Connection) -> None:
            db.execute(statements()["drop_breaker"], {"key": self.key, "capability": self.capability})

        if self._state.look(self._load) != _CLEAN:
            self._state.run(close)

    def failure(self, reason: str) -> None:
        """The provider did not answer as it should; `reason` is kept for the words of `check`."""

        def count(db: sqlite3.Connection) -> None:
            record, now = self._load(db), monotonic_ns()
            failed = _Record(record.failures + 1, record.opened_at, record.probe_at, reason)
            if record.probe_at is not None or (record.opened_at is None and failed.failures >= self._failures):
                failed = replace(failed, opened_at=now, probe_at=None)
            self._save(db, failed)

        self._state.run(count)

    def forget(self) -> None:
        """The request that `check` let through was never sent: if it was the probe, the next one may be."""

        def release(db: sqlite3.Connection) -> None:
            record = self._load(db)
            if record.probe_at is not None:
                self._save(db, replace(record, probe_at=None))

        self._state.run(release)

    def state(self) -> BreakerState:
        """`half_open`: the time is up, one probe may go or is on its way."""
        record = self._state.look(self._load)
        if record.opened_at is None:
            return "closed"
        return "open" if monotonic_ns() < record.opened_at + self._open_for else "half_open"

    def _load(self, db: sqlite3.Connection) -> _Record:
        row = db.execute(statements()["breaker"], {"key": self.key, "capability": self.capability}).fetchone()
        return _CLEAN if row is None else _Record(*row)

    def _save(self, db: sqlite3.Connection, record: _Record) -> None:
        values = {"failures": record.failures, "opened_at": record.opened_at, "probe_at": record.probe_at}
        where = {"key": self.key, "capability": self.capability}
        db.execute(statements()["set_breaker"], {**where, **values, "reason": record.reason})
