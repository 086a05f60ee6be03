"""`import pipeline` and `import adapters` are ours: the names are common, and another distribution must not take them."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", ["pipeline", "adapters"])
def test_the_package_is_the_checkouts(name: str, tmp_path: Path) -> None:
    asked = [sys.executable, "-c", f"import {name}; print({name}.__file__)"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert Path(told.stdout.strip()) == ROOT / name / "__init__.py"


@pytest.mark.parametrize("name", ["pipeline", "adapters"])
def test_no_other_distribution_brings_the_package(name: str) -> None:
    assert set(metadata.packages_distributions().get(name, ())) <= {"spock-pipeline"}
    others = {
        dist.metadata["Name"]
        for dist in metadata.distributions()
        if any(file.parts[:1] == (name,) for file in dist.files or ())
    }
    assert others <= {"spock-pipeline"}
