"""What a run is for, and how it ended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.store import Committed


@dataclass(frozen=True)
class Task:
    """What a command asks of a region: a night for `target`, or a backfill of `first` to `target`."""

    kind: str
    region: str
    first: dt.date
    target: dt.date

    @property
    def run_id(self) -> str:
        """The run's key: stable over restarts."""
        span = f"{self.target}" if self.kind == "night" else f"{self.first}-{self.target}"
        return f"{self.region}-{self.kind}-{span}"


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `rows`, `explained` and `refused` are what the run's commits hold; `requests` are this attempt's.

    `status`: complete, partial (below coverage), failed (nobody answered), or too_early: all that is final is there, and the
    session that has closed since will be final at `retry_at`. `error` says why a run failed or is too early; of one that
    failed, `retry_at` is the earliest moment at which a provider said it can be asked again, where one said so.
    """

    run_id: str
    kind: str
    region: str
    first_session: dt.date
    target_session: dt.date
    status: str
    sessions: int
    tickers: int
    received: int
    rows: int
    revised: int
    confirmed: int
    explained: int
    refused: int
    repeated: int
    gaps: int
    coverage: float
    requests: dict[str, int]
    seconds: float
    as_of: dt.datetime
    notes: tuple[str, ...] = field(default=())
    error: str | None = None
    retry_at: dt.datetime | None = None

    @classmethod
    def of(cls, task: Task, done: Committed, **figures: Any) -> Outcome:
        """The outcome of `task` whose commits came to `done`; `figures` are the other fields."""
        return cls(
            run_id=task.run_id,
            kind=task.kind,
            region=task.region,
            first_session=task.first,
            target_session=task.target,
            received=done.received,
            rows=done.stored,
            revised=done.revised,
            confirmed=done.confirmed,
            explained=done.explained,
            refused=done.refused,
            repeated=done.repeated,
            **figures,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self.__dict__,
            "first_session": str(self.first_session),
            "target_session": str(self.target_session),
            "coverage": round(self.coverage, 6),
            "seconds": round(self.seconds, 3),
            "as_of": self.as_of.isoformat(),
            "notes": list(self.notes),
            "retry_at": None if self.retry_at is None else self.retry_at.isoformat(),
        }
