"""What is written down of a run while it lives: its beginning, its end or its failure, each with its event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import StoreError

if TYPE_CHECKING:
    from pipeline.errors import SpockError
    from pipeline.state import State
    from pipeline.store import Committed


@dataclass(frozen=True)
class Recorder:
    """What is written down of one run; `say` hears what could not be."""

    state: State
    run_id: str
    region: str
    say: Callable[[str], None]

    def begin(
        self, kind: str, first: dt.date, target: dt.date, *, origin: str, as_of: dt.datetime, again: bool
    ) -> int:
        """Begin, or go on; returns the attempt. `again`: the last attempt had ended, and its stages are forgotten."""
        if again:
            self.state.clear_stages(self.run_id)
        attempt = self.state.begin_run(
            self.run_id,
            kind=kind,
            region=self.region,
            first_session=first,
            target_session=target,
            origin=origin,
            as_of=as_of,
            again=again,
        )
        self.state.emit("run_started", self.region, run_id=self.run_id)
        return attempt

    def end(
        self, status: str, done: Committed, notes: Sequence[str], *, detail: Mapping[str, Any], **figures: Any
    ) -> None:
        """End with what the run's commits hold; `figures` are columns of `State.end_run`, `detail` goes with the event."""
        self.state.end_run(
            self.run_id,
            status,
            received=done.received,
            stored=done.stored,
            confirmed=done.confirmed,
            explained=done.explained,
            refused=done.refused,
            error="; ".join(notes) or None,
            **figures,
        )
        self.state.emit(
            "run_ended",
            self.region,
            severity="info" if status == "complete" else "warning",
            run_id=self.run_id,
            detail={"status": status, **detail, "rows": done.stored},
        )

    def fail(self, error: SpockError, flush: Callable[[], None]) -> None:
        """Write the failure where that is still possible: on a full disk the error itself matters more.

        `flush` writes what was counted up to then.
        """
        try:
            self.state.end_run(self.run_id, "failed", error=str(error))
            detail = {"status": "failed", "error": str(error)}
            self.state.emit("run_ended", self.region, severity="critical", run_id=self.run_id, detail=detail)
            flush()
        except StoreError as second:
            self.say(f"the failure could not be recorded either: {second}")
