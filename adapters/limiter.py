"""The rate limiter: several limits at once, one queue for all processes of the machine.

Every acquire is one short write transaction that reserves the next free slot under ALL limits, behind every slot
reserved before it (first come, first served); the caller then sleeps until its slot. Slots are evenly spaced by the
shortest limit.

The provider counts when a request reaches it, not when we send it, so every window is kept at least `PAD` longer than
the limit says: two requests that stand a window apart here may come `PAD` closer to each other on the way without a
violation. A caller that comes late for its slot has the slot moved to the moment it is really used, if all limits allow
that, else it queues again.

Do NOT use it for daily quotas: it blocks until the window has room, and its clock does not survive a reboot.
"""

from __future__ import annotations

import functools
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.machine import NS, glance, machine_state, monotonic_ns, statements
from pipeline.errors import Unavailable

#: Seconds by which every window is kept longer than its limit; the largest jitter of the way to the provider that is
#: sure to cause no violation. 0.04 leaves 96 % of 18/s. Measured: tests/chaos/test_limits_long.py.
PAD = 0.04
#: Long windows can afford more: this part of them, where it is larger than `PAD`.
PAD_SHARE = 0.01
#: Seconds a caller may come late for its slot without telling the others.
TOLERANCE = 0.005
#: A late caller queues again at most this often, then it gives up: never beyond the limit.
GIVE_UPS = 50

#: After a complaint: nobody sends for `PAUSE` seconds, then everyone at `SLOW_DOWN` of the pace, which grows by
#: `RECOVERY` (compound, per second): from 0.7 back to 1 in 36 s. `SLOWEST` bounds what complaints can do.
PAUSE = 1.0
SLOW_DOWN = 0.7
RECOVERY = 0.01
SLOWEST = 0.02

_MINUTE = 60 * NS


@dataclass(frozen=True)
class Limit:
    """At most `requests` in any window of `seconds`."""

    requests: int
    seconds: float

    def __post_init__(self) -> None:
        if self.requests < 1 or not self.seconds > 0:
            raise ValueError(f"limit {self.requests} requests in {self.seconds} s: both must be above zero")


@dataclass(frozen=True)
class LimiterUsage:
    """Slots used by all processes in the last second and minute, and the pace: 1.0 full, less after complaints."""

    last_second: int
    last_minute: int
    pace: float


@dataclass(frozen=True)
class _Slot:
    id: int
    at: int


@dataclass(frozen=True)
class _Pace:
    share: float
    changed_at: int
    pause_until: int

    def share_at(self, now: int) -> float:
        """The share of the full pace at `now`: it recovers from the end of the pause on."""
        quiet = max(0, now - max(self.changed_at, self.pause_until)) / NS
        return float(min(1.0, self.share * (1.0 + RECOVERY) ** min(quiet, 1000.0)))


def usage_by_key(folder: Path) -> dict[str, LimiterUsage] | None:
    """What all processes of the machine used lately, by key (a hash); None where nothing was asked since it started.

    Changes nothing and makes no file. `StoreError` for a file that can't be read.
    """
    with glance(folder) as found:
        if found is None:
            return None
        now = monotonic_ns()
        windows = {"now": now, "second": now - NS, "minute": now - _MINUTE}
        used = {key: (second, minute) for key, second, minute in found.execute(statements()["used_lately"], windows)}
        paces = {key: _Pace(*pace).share_at(now) for key, *pace in found.execute(statements()["paces"])}
    return {key: LimiterUsage(*used.get(key, (0, 0)), paces.get(key, 1.0)) for key in sorted({*used, *paces})}


class Limiter:
    """Slots under `limits` for `key` (a hash, never the key itself), shared through `folder`/limits.sqlite.

    With no limits it never waits and never touches a file. Thread-safe. Errors of the file: see `MachineState`.
    """

    def __init__(self, folder: Path, key: str, limits: Sequence[Limit]) -> None:
        self.key = key
        self.limits = tuple(sorted(limits, key=lambda limit: (limit.seconds, limit.requests)))
        self._state = machine_state(folder)
        self._mine = threading.local()
        self._windows = tuple(
            (limit.requests, _ns(limit.seconds + max(PAD, PAD_SHARE * limit.seconds))) for limit in self.limits
        )
        self._gap = max((w // r for r, w in self._windows if w == self._windows[0][1]), default=0)
        self._horizon = max((w for _, w in self._windows), default=0) + _MINUTE

    def acquire(self) -> float:
        """Block until the caller's slot; returns the seconds waited."""
        if not self.limits:
            return 0.0
        started = monotonic_ns()
        self._take(self._state.run(self._reserve))
        return (monotonic_ns() - started) / NS

    def renew(self) -> float:
        """For a caller that did something slow (a TLS handshake) since `acquire`: makes sure its slot is still good.

        Returns the seconds waited: 0.0 when the slot is fresh or could be moved to now.
        """
        slot: _Slot | None = getattr(self._mine, "slot", None)
        if slot is None or not self.limits:
            return 0.0
        started = monotonic_ns()
        if started - slot.at > _ns(TOLERANCE):
            self._take(slot)
        return (monotonic_ns() - started) / NS

    def sent(self) -> None:
        """The caller's request has just left: remember that moment if it is later than its slot."""
        slot: _Slot | None = getattr(self._mine, "slot", None)
        now = monotonic_ns()
        if slot is not None and now - slot.at > _ns(TOLERANCE):
            self._mine.slot = self._state.run(functools.partial(self._move, slot=slot, now=now))

    def complain(self, pause: float = PAUSE) -> None:
        """The provider says too fast: all processes pause for `pause` seconds, go on slower and recover by and by.

        Complaints that arrive during a pause belong to the same burst and only prolong it.
        """
        if not self.limits:
            return

        def slow_down(db: sqlite3.Connection) -> None:
            now = monotonic_ns()
            pace = self._pace(db, now)
            until = max(pace.pause_until, now + _ns(pause + PAD))
            if pace.pause_until > now:
                share, changed_at = pace.share, pace.changed_at
            else:
                share, changed_at = max(SLOWEST, pace.share_at(now) * SLOW_DOWN), now
            self._set_pace(db, _Pace(share, changed_at, until))

        self._state.run(slow_down)

    def usage(self) -> LimiterUsage:
        """What all processes used lately."""
        if not self.limits:
            return LimiterUsage(0, 0, 1.0)

        def look(db: sqlite3.Connection) -> LimiterUsage:
            now = monotonic_ns()
            pace = self._pace(db, now)
            second, minute = (self._count(db, now - span, now + 1) for span in (NS, _MINUTE))
            return LimiterUsage(second, minute, pace.share_at(now))

        return self._state.run(look)

    def _take(self, slot: _Slot) -> None:
        """Sleep until `slot` and use it, or queue again while it can't be used any more."""
        given_up = 0
        while True:
            ahead = slot.at - monotonic_ns()
            if ahead > 0:
                time.sleep(ahead / NS)
            elif -ahead <= _ns(TOLERANCE):
                break
            if given_up == GIVE_UPS:
                raise Unavailable(
                    f"{self.key.partition(':')[0]}: {GIVE_UPS} slots in a row came and went before this thread ran: the "
                    "machine is too busy to keep the limit; run fewer things at once"
                )
            slot = self._state.run(functools.partial(self._confirm, slot=slot))
            if slot.at <= monotonic_ns():
                break
            given_up += 1
        self._mine.slot = slot

    def _confirm(self, db: sqlite3.Connection, slot: _Slot) -> _Slot:
        """`slot` itself if it is good now, the same slot moved to now, or another one further back in the queue."""
        now = monotonic_ns()
        paused = self._pace(db, now).pause_until > now
        if not paused and now - slot.at <= _ns(TOLERANCE):
            return slot
        if not paused and self._movable(db, slot, now):
            return self._move(db, slot, now)
        db.execute(statements()["drop_slot"], {"id": slot.id})
        return self._reserve(db)

    def _reserve(self, db: sqlite3.Connection) -> _Slot:
        """The next free slot under all limits, behind all that are reserved."""
        sql = statements()
        now = monotonic_ns()
        pace = self._pace(db, now)
        at = max(now, pace.pause_until)
        last = self._nth_last(db, 1)
        if last is not None:
            at = max(at, last + round(self._gap / pace.share_at(at)))
        for requests, window in self._windows:
            oldest = self._nth_last(db, requests)
            if oldest is not None:
                at = max(at, oldest + window)
        db.execute(sql["drop_old_slots"], {"key": self.key, "before": now - self._horizon})
        added = db.execute(sql["add_slot"], {"key": self.key, "at": at})
        assert added.lastrowid is not None
        return _Slot(added.lastrowid, at)

    def _movable(self, db: sqlite3.Connection, slot: _Slot, now: int) -> bool:
        """No window that gains the slot by its move overflows: all lie between the old place and now + window."""
        return all(self._count(db, slot.at, now + window) < requests for requests, window in self._windows)

    def _move(self, db: sqlite3.Connection, slot: _Slot, now: int) -> _Slot:
        moved = db.execute(statements()["move_slot"], {"id": slot.id, "at": now})
        if moved.rowcount:
            return _Slot(slot.id, now)
        # Its row went with the old ones while this process was stopped: the request still counts.
        added = db.execute(statements()["add_slot"], {"key": self.key, "at": now})
        assert added.lastrowid is not None
        return _Slot(added.lastrowid, now)

    def _pace(self, db: sqlite3.Connection, now: int) -> _Pace:
        """The key's pace; a key seen for the first time gets one, and a full window where the past is unknown."""
        row = db.execute(statements()["pace"], {"key": self.key}).fetchone()
        if row is not None:
            return _Pace(*row)
        (full_at,) = db.execute(statements()["machine"]).fetchone()[1:]
        if full_at is not None:
            self._fill(db, full_at, now)
        pace = _Pace(1.0, now, 0)
        self._set_pace(db, pace)
        return pace

    def _fill(self, db: sqlite3.Connection, full_at: int, now: int) -> None:
        """As if the windows had been full at `full_at`, the requests as late as the limits let them be."""
        most = max(requests for requests, _ in self._windows)
        instants = (full_at - i * self._gap for i in range(most))
        recent = [{"key": self.key, "at": at} for at in instants if at > now - self._horizon]
        db.executemany(statements()["add_slot"], recent)

    def _set_pace(self, db: sqlite3.Connection, pace: _Pace) -> None:
        values = {"share": pace.share, "changed_at": pace.changed_at, "pause_until": pace.pause_until}
        db.execute(statements()["set_pace"], {"key": self.key, **values})

    def _nth_last(self, db: sqlite3.Connection, n: int) -> int | None:
        row = db.execute(statements()["nth_last_slot"], {"key": self.key, "skip": n - 1}).fetchone()
        return None if row is None else int(row[0])

    def _count(self, db: sqlite3.Connection, after: int, before: int) -> int:
        row = db.execute(statements()["count_between"], {"key": self.key, "after": after, "before": before}).fetchone()
        return int(row[0])


def _ns(seconds: float) -> int:
    return round(seconds * NS)
