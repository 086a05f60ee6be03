"""A backfill of 6,000 tickers of two regions: peak memory, and pages a second where no limit is set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench

TICKERS, SESSIONS = 6_000, 500
MOST_MB = 1_500
FEWEST_PAGES_A_SECOND = 200


def test_a_backfill_of_6000_tickers(tmp_path: Path) -> None:
    script = Path(__file__).with_name("backfill.py")
    command = [sys.executable, str(script), str(tmp_path / "home"), str(TICKERS), str(SESSIONS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    *regions, whole = (json.loads(line) for line in done.stdout.splitlines())
    print()
    for region in regions:
        print(", ".join(f"{name} {region[name]}" for name in ("region", "status", "tickers", "rows", "requests")))
    print(f"peak {whole['peak_mb']:.0f} MB, {whole['pages_per_second']:.0f} pages a second over {whole['seconds']:.0f} s")
    assert [region["status"] for region in regions] == ["complete", "complete"]
    assert sum(region["tickers"] for region in regions) == TICKERS
    assert whole["peak_mb"] <= MOST_MB
    assert whole["pages_per_second"] >= FEWEST_PAGES_A_SECOND
