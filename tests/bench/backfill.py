"""A backfill or a first night from a sandbox with limits off: how fast it was, and the peak memory of this process.

A process of its own, so that its memory is its own: `python backfill.py backfill|nightly HOME TICKERS SESSIONS REGION…` prints
one JSON object a region and one for all. The sandbox is another process: its memory is not ours.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def main() -> None:
    """One run of each region that the sandbox serves."""
    kind, home, tickers, sessions, regions = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:]
    serving = [sys.executable, "-m", "pipeline.cli", "sandbox", "--port", "0", "--tickers", tickers, "--no-limits"]
    serving += ["--regions", ",".join(regions), "--now", NOW.isoformat()]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        url = sandbox.stdout.readline().split(",")[0].split()[-1]
        os.environ |= {"SPOCK_HOME": str(home), "SPOCK_STATE_DIR": str(home / "machine"), "SPOCK_SANDBOX_URL": url}
        os.environ["SPOCK_COLLECT__INITIAL_SESSIONS"] = str(sessions)
        try:
            _run(kind, home, regions, sessions)
        finally:
            sandbox.terminate()


def _run(kind: str, home: Path, regions: list[str], sessions: int) -> None:
    from pipeline.backfill import backfill_range
    from pipeline.clock import Clock
    from pipeline.nightly import Nights

    nights = Nights(home, Clock(NOW, "sandbox"))
    span = functools.partial(backfill_range, now=NOW, days=sessions, first=None, until=None)
    began = time.monotonic()
    results = nights.nightly(regions) if kind == "nightly" else nights.backfill(regions, span)
    seconds = time.monotonic() - began
    shown = ("region", "status", "tickers", "rows", "coverage", "requests", "seconds", "error")
    for result in results:
        stages = {stage["stage"]: stage["seconds"] for stage in nights.state.stages(str(result.run_id))}
        row = result.as_dict()
        pages = sum(row["requests"].values()) / stages["fetch"]
        print(json.dumps({**{name: row.get(name) for name in shown}, "fetched_pages_per_second": pages}))
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The kernel's own mark of this program's largest resident memory."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("/proc/self/status has no VmHWM: peak memory can only be measured on Linux")


if __name__ == "__main__":
    main()
