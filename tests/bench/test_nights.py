"""Nine regions in one night: the nights overlap, and the providers' limits are the only wait."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline import settings

pytestmark = pytest.mark.bench

TICKERS, SESSIONS = 90, 60
#: What nine regions may take beside the wait: reading, checking, committing, indicators, one replica, on a busy machine.
OWN_SECONDS = 15.0
MOST_OF_ONE_AFTER_ANOTHER = 0.9


def measured(how: str, home: Path) -> dict[str, Any]:
    """What the nights told, in a process of their own."""
    script = Path(__file__).with_name("nights.py")
    command = [sys.executable, str(script), how, str(home), str(TICKERS), str(SESSIONS)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["incomplete"] == []
    return told


def waited(requests: dict[str, int]) -> float:
    """The least seconds that the limits make so many requests take: the providers are waited for side by side."""
    longest = 0.0
    for name, count in requests.items():
        provider = settings.get_config("KR").providers[name]
        host = provider.hosts.get(provider.account)
        for limit in host.limits if host is not None else provider.limits:
            longest = max(longest, (count - limit.requests) * limit.seconds / limit.requests)
    return longest


def test_nine_regions_wait_for_nothing_but_the_limits(tmp_path: Path) -> None:
    together = measured("together", tmp_path / "together")
    alone = measured("alone", tmp_path / "alone")

    limit = waited(together["requests"])
    print(
        f"\nnine regions, {together['requests']} requests: together {together['seconds']:.1f} s "
        f"(the limits alone {limit:.1f} s), one after the other {alone['seconds']:.1f} s"
    )
    assert together["seconds"] <= limit + OWN_SECONDS
    assert together["seconds"] <= MOST_OF_ONE_AFTER_ANOTHER * alone["seconds"]
