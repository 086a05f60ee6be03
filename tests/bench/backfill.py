"""Backfills from a sandbox of its own with limits off, and tells how fast it was and the peak memory of this process.

A process of its own, so that its memory is its own: `python backfill.py HOME TICKERS SESSIONS` prints one JSON object a
region. The sandbox is another process: its memory is not ours.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def main() -> None:
    """One backfill of all regions that the sandbox serves."""
    home, tickers, sessions = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    regions = sys.argv[4:] or ["KR", "US"]
    serving = [sys.executable, "-m", "pipeline.cli", "sandbox", "--port", "0", "--tickers", tickers, "--no-limits"]
    with subprocess.Popen([*serving, "--now", NOW.isoformat()], stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        url = sandbox.stdout.readline().split(",")[0].split()[-1]
        os.environ |= {"SPOCK_HOME": str(home), "SPOCK_STATE_DIR": str(home / "machine"), "SPOCK_SANDBOX_URL": url}
        try:
            _backfill(home, regions, sessions)
        finally:
            sandbox.terminate()


def _backfill(home: Path, regions: list[str], sessions: int) -> None:
    from pipeline import settings
    from pipeline.clock import Clock
    from pipeline.nightly import Nights, backfill_range

    nights = Nights(home, Clock(NOW, "sandbox"))
    ranges = [
        (region, *backfill_range(settings.get_config(region), NOW, days=sessions, first=None, until=None))
        for region in regions
    ]
    began = time.monotonic()
    results = [result.as_dict() for result in nights.backfill(ranges)]
    seconds = time.monotonic() - began
    shown = ("region", "status", "tickers", "rows", "coverage", "requests", "seconds", "error")
    for result in results:
        print(json.dumps({name: result.get(name) for name in shown}))
    requests = sum(sum(result["requests"].values()) for result in results)
    print(json.dumps({"seconds": seconds, "requests": requests, "pages_per_second": requests / seconds, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The kernel's own mark of this program's largest resident memory."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("/proc/self/status has no VmHWM: peak memory can only be measured on Linux")


if __name__ == "__main__":
    main()
