"""The limits of KIS over minutes: adapters in processes of their own against the sandbox, by the sandbox's own count."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
import os
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.base import Instrument
from adapters.sandbox import control

SPAWN = multiprocessing.get_context("spawn")
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
DAYS = (dt.date(2026, 11, 16), dt.date(2026, 11, 19))
#: One ticker a region: which wire is asked makes no difference to the key's slots.
ASKED = (Instrument("KR", "005930", "XKRX", "KRW"), Instrument("US", "AAPL", "XNAS", "USD"))
THREADS = 8


@contextmanager
def served() -> Iterator[str]:
    """A sandbox in a process of its own, so that its counting takes nothing from those who ask."""
    command = [sys.executable, "-m", "pipeline.cli", "sandbox", "--port", "0", "--tickers", "12", "--now", NOW.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split(",")[0].split()[-1]
        finally:
            process.terminate()


def ask(environment: dict[str, str], between: tuple[float, float]) -> int:
    """Pages asked for by `THREADS` threads between two monotonic instants; how many."""
    os.environ.update(environment)
    from adapters.kis import open_adapter
    from pipeline import settings

    adapters = [open_adapter(settings.get_config(instrument.region)) for instrument in ASKED]
    start, until = between

    def run(number: int) -> int:
        asked = 0
        while time.monotonic() < until:
            adapters[number % 2].history(ASKED[number % 2], *DAYS)
            asked += 1
        return asked

    time.sleep(max(0.0, start - time.monotonic()))
    with ThreadPoolExecutor(THREADS) as pool:
        asked = sum(pool.map(run, range(THREADS)))
    for adapter in adapters:
        adapter.close()
    return asked


def arrivals(
    folder: Path, limits: Sequence[tuple[int, float]], processes: int, seconds: float
) -> tuple[list[float], dict[str, int], list[int]]:
    """When requests arrived by the sandbox's clock, its violations, and how many pages each process asked for."""
    wanted = [{"requests": requests, "seconds": window} for requests, window in limits]
    with served() as url:
        environment = {
            "SPOCK_SANDBOX_URL": url,
            "SPOCK_HOME": str(folder / "home"),
            "SPOCK_STATE_DIR": str(folder / "machine"),
            "SPOCK_PROVIDERS__KIS__HOSTS__REAL__LIMITS": json.dumps(wanted),
        }
        start = time.monotonic() + 4.0
        with SPAWN.Pool(processes) as pool:
            shares = pool.starmap(ask, [(environment, (start, start + seconds))] * processes)
        report = control.report(url, detail=True)
    return sorted(row["at"] for row in report["detail"]), report["violations"], shares


NO_VIOLATION = {"per_second": 0, "per_minute": 0, "token": 0}


def test_two_processes_keep_the_limit_for_three_seconds(tmp_path: Path) -> None:
    """The long runs' short sample, in the suite: too short to tell how well the limit is used."""
    arrived, violations, shares = arrivals(tmp_path, [(18, 1.0)], 2, 3.0)
    assert violations == NO_VIOLATION
    assert (len(arrived), min(shares) > 0) == (sum(shares), True)


@pytest.mark.chaos
@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize(
    ("limits", "seconds", "most"),
    [([(18, 1.0)], 30.0, 18 * 30), ([(18, 1.0), (1000, 60.0)], 180.0, 3 * 1000)],
    ids=["18 a second", "1,000 a minute"],
)
def test_the_limit_holds_and_is_used(
    tmp_path: Path, limits: list[tuple[int, float]], seconds: float, most: int, processes: int
) -> None:
    arrived, violations, shares = arrivals(tmp_path, limits, processes, seconds)
    used = bisect_left(arrived, arrived[0] + seconds) / most
    print(f"{processes} processes: used {used:.1%}, violations {violations}, shares {shares}")
    assert violations == NO_VIOLATION
    assert used >= 0.95
    assert min(shares) >= 0.8 * max(shares)
