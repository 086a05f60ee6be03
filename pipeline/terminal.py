"""Progress on a terminal: tickers, rows, requests a second against the limit, time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from pipeline.progress import Progress

if TYPE_CHECKING:
    from pipeline.collect.plan import Plan


class Bars(Progress):
    """A bar a region on stderr."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars: RichProgress | None = None
        self._task: TaskID | None = None
        self._rows = 0
        self._began = 0.0
        self._limit = ""

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def begin(self, plan: Plan) -> None:
        self._console.print(plan.describe(), markup=False)
        if not plan.units:
            return
        self._began = time.monotonic()
        self._rows = 0
        self._limit = f"of {plan.rate:.1f}/s" if plan.rate else ""
        self._bars = RichProgress(
            TextColumn(plan.region),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("tickers · {task.fields[rows]:,} rows · {task.fields[rate]:.0f} requests/s {task.fields[limit]}"),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._bars.add_task(plan.region, total=len(plan.units), rows=0, rate=0.0, limit=self._limit)
        self._bars.start()

    def advance(self, tickers: int, rows: int, requests: int) -> None:
        if self._bars is None or self._task is None:
            return
        self._rows += rows
        rate = requests / max(time.monotonic() - self._began, 1e-3)
        self._bars.update(self._task, advance=tickers, rows=self._rows, rate=rate)

    def end(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
