"""kill -9 at 20 random moments of a night and of a backfill each: the long run of tests/pipeline/test_kill.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from adapters.sandbox.server import Sandbox


def _module(name: str) -> ModuleType:
    """A module of the suite by its path: tests are no packages."""
    path = Path(__file__).resolve().parents[1] / "pipeline" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"chaos_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


runs = _module("conftest")
kill = _module("test_kill")

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A larger market than the suite's, so that a run is mostly work and not start-up."""
    folder = tmp_path_factory.mktemp("killing")

    def make_home(name: str, **environment: str) -> object:
        longer = {"SPOCK_COLLECT__INITIAL_SESSIONS": "250"}
        return runs.Home(folder / name, folder / f"{name}-machine", environment | longer)

    with Sandbox(regions=("KR",), now=runs.NOW, tickers=60, enforce_limits=False) as server:
        yield kill.Killing(server, make_home, runs.Tools())


def test_a_night_killed_at_twenty_moments(killing: object) -> None:
    landed = [killing.at_fraction(kill.NIGHT, fraction) for fraction in kill.moments(20, seed=1)]  # type: ignore[attr-defined]
    assert sum(landed) >= 18


def test_a_backfill_killed_at_twenty_moments(killing: object) -> None:
    landed = [killing.at_fraction(kill.BACKFILL, fraction) for fraction in kill.moments(20, seed=2)]  # type: ignore[attr-defined]
    assert sum(landed) >= 18


def test_a_night_killed_again_and_again_ends_like_an_unkilled_one(killing: object) -> None:
    """Each start is killed a little later than the one before; the spool only grows."""
    unkilled = killing.reference(kill.NIGHT)  # type: ignore[attr-defined]
    home = killing.home("again-and-again")  # type: ignore[attr-defined]
    spooled = 0
    for fraction in kill.moments(10, seed=3):
        process = home.start(*kill.NIGHT)
        runs.kill_when(process, runs.after(home.path, 0.3 + unkilled.seconds * fraction / 2))
        assert len(home.spooled()) >= spooled
        spooled = len(home.spooled())
    assert killing.check(home, kill.NIGHT, lambda: True)  # type: ignore[attr-defined]
