"""Restates one session of every region in a store, and tells how long it took and the peak memory of this process.

A process of its own, so that its memory is its own: `python restate.py HOME SESSION` prints one JSON object.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from pathlib import Path

import synthetic

from pipeline.store import Store, commit_batch


def main() -> None:
    """Commit other prices for the session, a batch a region."""
    store = Store(sys.argv[1])
    session = dt.date.fromisoformat(sys.argv[2])
    before = store.path.stat().st_size
    seconds, revised = [], 0
    for region in synthetic.REGIONS:
        bars = synthetic.restated(region, session)
        started = time.perf_counter()
        with store.write("bench") as connection:
            revised += commit_batch(connection, synthetic.batch(f"restated-{region}", region, bars)).revised
        seconds.append(time.perf_counter() - started)
    told = {
        "seconds": seconds,
        "revised": revised,
        "peak_mb": _peak_mb(),
        "grown_mb": (store.path.stat().st_size - before) / 1e6,
    }
    print(json.dumps(told))


def _peak_mb() -> float:
    # getrusage would also count what the parent held when it started us; the kernel's own mark is of this program alone.
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("/proc/self/status has no VmHWM: peak memory can only be measured on Linux")


if __name__ == "__main__":
    main()
