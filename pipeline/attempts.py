"""What providers did during a run: requests counted by provider, attempts added up for the operations tables."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.transport import Attempt
    from pipeline.state import State


class AttemptLog:
    """Hears every attempt of a run, from any thread; `flush` adds what is new to the state."""

    def __init__(self, run_id: str, region: str) -> None:
        self._run_id = run_id
        self._region = region
        self._guard = threading.Lock()
        self._rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._new: Counter[str] = Counter()
        self._total: Counter[str] = Counter()

    def __call__(self, attempt: Attempt) -> None:
        """Count one attempt; one that the breaker stopped was not sent and is no request."""
        at = attempt.at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        key = (attempt.capability, attempt.provider, attempt.outcome)
        with self._guard:
            row = self._rows.setdefault(
                key,
                {
                    "run_id": self._run_id,
                    "region": self._region,
                    "capability": attempt.capability,
                    "provider": attempt.provider,
                    "outcome": attempt.outcome,
                    "attempts": 0,
                    "seconds": 0.0,
                    "first_at": at,
                    "last_at": at,
                    "detail": None,
                },
            )
            row["attempts"] += 1
            row["seconds"] += attempt.seconds
            row["last_at"] = max(row["last_at"], at)
            row["detail"] = attempt.detail or row["detail"]
            self._new[attempt.provider] += 1
            self._total[attempt.provider] += 1

    @property
    def requests(self) -> dict[str, int]:
        """Requests of this attempt of the run, by provider."""
        with self._guard:
            return dict(self._total)

    def flush(self, state: State, seconds: float = 0.0) -> None:
        """Write what came since the last flush; `seconds` of work are added to the run's."""
        with self._guard:
            rows, self._rows = list(self._rows.values()), {}
            new, self._new = dict(self._new), Counter()
        if rows:
            state.record_attempts(rows)
        if new or seconds:
            state.add_requests(self._run_id, new, seconds)
