"""What travels in the wheel, and that it works where there is no checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from pipeline import __version__

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder the wheel is installed into; its dependencies are those of the running environment."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--target", str(folder)]
    run([sys.executable, "-m", "pip", "install", *options, str(wheel)], cwd=folder)
    return folder


def run(command: list[str], cwd: Path, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPOCK_", "PIP_", "PYTHON"))}
    ended = subprocess.run(
        command, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def spock(site: Path, elsewhere: Path, *arguments: str) -> str:
    """`spock …` from the installed wheel, in a folder that is no checkout, with XDG folders of its own."""
    return run(
        [sys.executable, "-m", "pipeline.cli", *arguments],
        cwd=elsewhere,
        PYTHONPATH=str(site),
        XDG_DATA_HOME=str(elsewhere / "data"),
        XDG_STATE_HOME=str(elsewhere / "state"),
    )


def travelling() -> set[str]:
    """The names inside the wheel of everything that is no code and must be there."""
    names = set()
    for folder in ("sql", "migrations"):
        names |= {f"pipeline/_data/{path.relative_to(ROOT)}" for path in (ROOT / folder).rglob("*.sql")}
    for package in ("pipeline", "adapters"):
        paths = [path for kind in ("*.py", "*.toml", "*.csv", "*.jinja", "py.typed") for path in (ROOT / package).rglob(kind)]
        names |= {str(path.relative_to(ROOT)) for path in paths}
    return names | {"pipeline/_data/ops/README.md"}


def test_the_wheel_holds_code_sql_migrations_settings_and_calendars(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert travelling() - inside == set()


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    odd = {name for name in inside - travelling() if ".dist-info/" not in name}
    assert odd == {"adapters/README.md"}


def test_the_installed_command_knows_its_version(site: Path, tmp_path: Path) -> None:
    assert __version__ in spock(site, tmp_path, "--version")


def test_the_installed_code_is_the_wheels(site: Path, tmp_path: Path) -> None:
    told = run([sys.executable, "-c", "import pipeline; print(pipeline.__file__)"], cwd=tmp_path, PYTHONPATH=str(site))
    assert Path(told.strip()) == site / "pipeline" / "__init__.py"


def test_installed_settings_resolve_and_the_home_is_the_xdg_folder(site: Path, tmp_path: Path) -> None:
    shown = json.loads(spock(site, tmp_path, "config", "show", "KR", "--format", "json"))
    assert shown["currency"] == "KRW"
    assert shown["places"]["home"] == str(tmp_path / "data" / "spock")
    assert shown["places"]["state_dir"] == str(tmp_path / "state" / "spock")


def test_an_installed_demo_runs_a_whole_night(site: Path, tmp_path: Path) -> None:
    told = spock(site, tmp_path, "demo", "--tickers", "3", "--sessions", "30")
    assert (tmp_path / "data" / "spock" / "demo" / "replica.duckdb").exists()
    assert "2026-11-20.html" in told


def test_an_unpacked_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)], cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=source)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert sorted(second.namelist()) == sorted(first.namelist())


def test_the_wheel_declares_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "spock = pipeline.cli:main" in archive.read(name).decode()
