"""Nine regions' first nights from a sandbox that keeps its providers' limits: all in one command, or one after the other.

A process of its own: `python nights.py together|alone HOME TICKERS SESSIONS` prints one JSON object: seconds, requests by
provider, and what did not end complete.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

NOW = "2026-11-20T18:00:00+00:00"


def main() -> None:
    """The nights of all regions of settings."""
    how, home, tickers, sessions = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    serving = [sys.executable, "-m", "pipeline.cli", "sandbox", "--port", "0", "--tickers", tickers, "--now", NOW]
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        url = sandbox.stdout.readline().split(",")[0].split()[-1]
        os.environ |= {"SPOCK_HOME": str(home), "SPOCK_STATE_DIR": str(home / "machine"), "SPOCK_SANDBOX_URL": url}
        os.environ["SPOCK_COLLECT__INITIAL_SESSIONS"] = sessions
        try:
            _run(how, home)
        finally:
            sandbox.terminate()


def _run(how: str, home: Path) -> None:
    from pipeline import clock, settings
    from pipeline.nightly import Nights

    regions = settings.available_regions()
    nights = Nights(home, clock.resolve(NOW, lambda: None))
    began = time.monotonic()
    results = nights.nightly(regions) if how == "together" else [one for code in regions for one in nights.nightly([code])]
    seconds = time.monotonic() - began
    requests = sum((Counter(result.as_dict()["requests"]) for result in results), Counter[str]())
    said = [f"{result.region}: {result.status} ({result.error})" for result in results if result.status != "complete"]
    print(json.dumps({"seconds": seconds, "requests": requests, "incomplete": said}))


if __name__ == "__main__":
    main()
