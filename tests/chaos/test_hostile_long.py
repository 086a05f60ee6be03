"""Every kind of fault on every request of a night: the long run of tests/pipeline/test_hostile_night.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _module(name: str) -> ModuleType:
    """A module of the suite by its path: tests are no packages."""
    path = Path(__file__).resolve().parents[1] / "pipeline" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"hostile_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


runs = _module("conftest")
hostile = _module("test_hostile_night")

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What an undisturbed night of each region leaves."""
    made = {}
    for region in hostile.REGIONS:
        folder = tmp_path_factory.mktemp(region)
        with runs.Sandbox(now=runs.NOW, regions=(region,), enforce_limits=False, tickers=hostile.TICKERS) as server:
            environment = {"SPOCK_SANDBOX_URL": server.url, **hostile.HASTE}
            home = runs.Home(folder / "home", folder / "machine", environment)
            assert home.inside("nightly", region).code == 0
            made[region] = hostile.Undisturbed(home.business(), hostile.sent(server))
    return made


@pytest.mark.parametrize("case", hostile.CASES, ids=str)
def test_a_disturbed_night_is_honest_and_the_same_command_heals_it(
    case: object, clean: dict[str, object], tmp_path: Path
) -> None:
    served = (case.region,)  # type: ignore[attr-defined]
    with runs.Sandbox(now=runs.NOW, regions=served, enforce_limits=False, tickers=hostile.TICKERS) as server:
        environment = {"SPOCK_SANDBOX_URL": server.url, **hostile.HASTE}
        home = runs.Home(tmp_path / "home", tmp_path / "machine", environment)
        hostile.run(case, home, server, clean[case.region], runs.Tools())  # type: ignore[attr-defined]
