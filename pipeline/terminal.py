"""Progress on a terminal: tickers, rows, requests a second against the limit, time left; a bar a region."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from pipeline.progress import Progress

if TYPE_CHECKING:
    from pipeline.collect.plan import Plan

_FIGURES = "tickers · {task.fields[rows]:,} rows · {task.fields[rate]:.0f} requests/s {task.fields[limit]}"


class Bars(Progress):
    """Bars on stderr, one under the other; they stand while a region works."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._guard = threading.Lock()
        self._bars: RichProgress | None = None
        self._working = 0

    def of(self, region: str) -> Progress:
        return _Bar(self, region)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def begun(self, plan: Plan) -> tuple[RichProgress, TaskID]:
        """A new bar for the plan of a region, beside those that stand."""
        with self._guard:
            if self._bars is None:
                self._bars = RichProgress(
                    TextColumn("{task.description}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TextColumn(_FIGURES),
                    TimeRemainingColumn(),
                    console=self._console,
                )
                self._bars.start()
            self._working += 1
            limit = f"of {plan.rate:.1f}/s" if plan.rate else ""
            return self._bars, self._bars.add_task(plan.region, total=len(plan.units), rows=0, rate=0.0, limit=limit)

    def ended(self) -> None:
        """One region less is at work."""
        with self._guard:
            self._working -= 1
            if not self._working and self._bars is not None:
                self._bars.stop()
                self._bars = None


class _Bar(Progress):
    """The bar of one region."""

    def __init__(self, bars: Bars, region: str) -> None:
        self._all = bars
        self._region = region
        self._bar: tuple[RichProgress, TaskID] | None = None
        self._rows = 0
        self._began = 0.0

    def say(self, text: str) -> None:
        self._all.say(text if text.startswith(f"{self._region}:") else f"{self._region}: {text}")

    def begin(self, plan: Plan) -> None:
        self._all.say(plan.describe())
        if not plan.units:
            return
        self._began = time.monotonic()
        self._rows = 0
        self._bar = self._all.begun(plan)

    def advance(self, tickers: int, rows: int, requests: int) -> None:
        if self._bar is None:
            return
        self._rows += rows
        rate = requests / max(time.monotonic() - self._began, 1e-3)
        bars, task = self._bar
        bars.update(task, advance=tickers, rows=self._rows, rate=rate)

    def end(self) -> None:
        if self._bar is not None:
            self._bar = None
            self._all.ended()
