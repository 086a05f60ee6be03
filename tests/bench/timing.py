"""How the benchmarks measure: alternating repetitions, medians, one line of output for each result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median


class Stopwatch:
    """Seconds by name, a value for each repetition."""

    def __init__(self) -> None:
        self._laps: dict[str, list[float]] = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Time the block as one repetition of `name`."""
        started = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - started)

    def add(self, name: str, seconds: float) -> None:
        """One repetition that was timed elsewhere."""
        self._laps.setdefault(name, []).append(seconds)

    def median(self, name: str) -> float:
        """Median seconds of `name`."""
        return median(self._laps[name])

    def quickest(self, name: str) -> float:
        """Seconds of the quickest repetition of `name`."""
        return min(self._laps[name])

    def ratio(self, slow: str, fast: str) -> float:
        """How many times the median of `fast` goes into that of `slow`."""
        return self.median(slow) / self.median(fast)

    def __str__(self) -> str:
        return "\n".join(
            f"  {name:<34} median {self.median(name) * 1e3:>9.1f} ms   "
            f"{min(laps) * 1e3:.1f} to {max(laps) * 1e3:.1f} in {len(laps)}"
            for name, laps in self._laps.items()
        )


def say(title: str, watch: Stopwatch, *results: str) -> None:
    """Print one benchmark's medians and results; `make bench` runs with -s, so they are seen."""
    print(f"\n{title}\n{watch}", *results, sep="\n  ", flush=True)
