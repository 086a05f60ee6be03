"""What a run tells while it works: one protocol for a terminal, a pipe and a test."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pipeline.collect.plan import Plan


class Progress:
    """Hears what a run does; this one says nothing."""

    def say(self, text: str) -> None:
        """A line meant for a person: a wait, a migration, a provider that is away."""

    def begin(self, plan: Plan) -> None:
        """The budget, before the first request."""

    def advance(self, tickers: int, rows: int, requests: int) -> None:
        """So many tickers and rows came since the last call; `requests` sent so far."""

    def end(self) -> None:
        """Nothing more will come for this region."""


class JsonLines(Progress):
    """One JSON object a line on `stream`, at most one a second while answers come."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._region = ""
        self._told = 0.0
        self._tickers = self._rows = self._requests = self._expected = 0

    def say(self, text: str) -> None:
        self._write({"event": "say", "text": text})

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
        print(json.dumps(event, ensure_ascii=False), file=self._stream, flush=True)
