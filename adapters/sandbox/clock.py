"""The sandbox's time: the wall clock, or frozen where a test put it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from pipeline.errors import UsageError


class SandboxClock:
    """Aware UTC time for everything the sandbox serves; rate limits count the machine's monotonic clock instead."""

    def __init__(self, now: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._frozen: datetime | None = None
        self.set(now)

    def set(self, now: datetime | None) -> None:
        """Freeze the clock at `now` (aware), or let it run with the wall clock again (None)."""
        if now is not None and now.tzinfo is None:
            raise UsageError(f"sandbox clock: {now.isoformat()} has no timezone; write it like 2026-11-20T21:00+09:00")
        with self._lock:
            self._frozen = None if now is None else now.astimezone(UTC)

    def now(self) -> datetime:
        """The sandbox's present, aware UTC."""
        with self._lock:
            return self._frozen or datetime.now(UTC)

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        with self._lock:
            return self._frozen is not None
