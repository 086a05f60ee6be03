"""Files that travel with the code are found in a checkout and in an installed wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import resources
from pipeline.errors import SpockError

ROOT = Path(__file__).resolve().parents[2]


def test_a_checkout_is_recognised() -> None:
    assert resources.checkout_root() == ROOT


def test_a_checkouts_files_stand_at_its_root() -> None:
    assert resources.path("migrations") == ROOT / "migrations"
    assert resources.path("sql", "internal") == ROOT / "sql" / "internal"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SpockError, match=r"sql/nothing\.sql is missing: .* install Spock again"):
        resources.path("sql", "nothing.sql")


def installed(folder: Path) -> Path:
    """A site-packages folder that holds `pipeline` as a wheel lays it out."""
    site = folder / "site-packages"
    shutil.copytree(ROOT / "pipeline", site / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    data = site / "pipeline" / "_data" / "migrations"
    data.mkdir(parents=True)
    (data / "0001.sql").write_text("SELECT 1;\n", encoding="utf-8")
    return site


def ask(site: Path, expression: str) -> str:
    """What `expression` prints when the code of `site`, and no other, is imported."""
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from pipeline import resources; print({expression})"
    answer = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def test_an_installed_wheel_is_no_checkout(tmp_path: Path) -> None:
    assert ask(installed(tmp_path), "resources.checkout_root()") == "None"


def test_an_installed_wheel_carries_its_files(tmp_path: Path) -> None:
    site = installed(tmp_path)
    assert ask(site, "resources.path('migrations', '0001.sql')") == str(
        site / "pipeline" / "_data" / "migrations" / "0001.sql"
    )
