"""What a run tells while it works: one protocol for a terminal, a pipe and a test.

Regions run at the same time, each in a thread of its own: what belongs to one is told to `Progress.of(region)`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pipeline.collect.plan import Plan


class Progress:
    """Hears what a run does; this one says nothing."""

    def of(self, region: str) -> Progress:
        """The progress of one region, beside others."""
        return self

    def say(self, text: str) -> None:
        """A line meant for a person: a wait, a migration, a provider that is away."""

    def begin(self, plan: Plan) -> None:
        """The budget, before the first request."""

    def advance(self, tickers: int, rows: int, requests: int) -> None:
        """So many tickers and rows came since the last call; `requests` sent so far."""

    def end(self) -> None:
        """Nothing more will come for this region."""


class JsonLines(Progress):
    """One JSON object a line on `stream`, at most one a second and region while answers come."""

    def __init__(self, stream: TextIO | None = None, region: str = "", guard: threading.Lock | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._region = region
        self._guard = guard or threading.Lock()
        self._told = 0.0
        self._tickers = self._rows = self._requests = self._expected = 0

    def of(self, region: str) -> Progress:
        return JsonLines(self._stream, region, self._guard)

    def say(self, text: str) -> None:
        self._write({"event": "say", **({"region": self._region} if self._region else {}), "text": text})

    def begin(self, plan: Plan) -> None:
        self._region = plan.region
        self._expected = len(plan.units)
        self._tickers = self._rows = self._requests = 0
        self._write(
            {
                "event": "plan",
                "region": plan.region,
                "sessions": plan.session_count,
                "tickers": plan.followed.height,
                "to_ask": len(plan.units),
                "requests": plan.requests,
                "seconds": plan.seconds,
            }
        )

    def advance(self, tickers: int, rows: int, requests: int) -> None:
        self._tickers += tickers
        self._rows += rows
        self._requests = requests
        if time.monotonic() - self._told >= 1.0:
            self._tell()

    def end(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._told = time.monotonic()
        self._write(
            {
                "event": "progress",
                "region": self._region,
                "tickers": self._tickers,
                "of": self._expected,
                "rows": self._rows,
                "requests": self._requests,
            }
        )

    def _write(self, event: dict[str, object]) -> None:
        line = json.dumps(event, ensure_ascii=False)
        with self._guard:
            print(line, file=self._stream, flush=True)
