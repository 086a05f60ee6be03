"""A backfill of 6,000 tickers of two regions in little memory; pages a second of a night where no limit is set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.bench

#: The sandbox's followed names: 3,000 of Korea and 3,290 of the US, of which the universe rule takes the 3,000 largest.
TICKERS, FOLLOWED = 6_290, 6_000
MOST_MB = 1_500
FEWEST_PAGES_A_SECOND = 200


def measured(*arguments: object) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What a run in a process of its own told: each region, and the whole."""
    script = Path(__file__).with_name("backfill.py")
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    *regions, whole = (json.loads(line) for line in done.stdout.splitlines())
    print()
    for row in (*regions, whole):
        print(", ".join(f"{name} {value}" for name, value in row.items()))
    return regions, whole


def test_a_backfill_of_6000_tickers_needs_little_memory(tmp_path: Path) -> None:
    regions, whole = measured("backfill", tmp_path / "home", TICKERS, 500, "KR", "US")
    assert [region["status"] for region in regions] == ["complete", "complete"]
    assert sum(region["tickers"] for region in regions) == FOLLOWED
    assert whole["peak_mb"] <= MOST_MB


@pytest.mark.parametrize("region", ["KR", "US"])
def test_a_night_without_limits_fetches_200_pages_a_second(tmp_path: Path, region: str) -> None:
    (night,), _ = measured("nightly", tmp_path / "home", 700, 300, region)
    assert night["status"] == "complete"
    assert night["fetched_pages_per_second"] >= FEWEST_PAGES_A_SECOND
