"""kill -9 at any moment of an import: the same command again ends with the store of one that nobody disturbed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, make: SimpleNamespace) -> Path:
    """Twelve tickers of two regions, forty sessions each, and some rows that are refused: a dozen small batches."""
    rows = [row for number in range(6) for row in make.series(40, f"{number:06d}")]
    rows += [row for name in ("AAPL", "JPM", "BAC", "C", "XOM", "NKE") for row in make.series(40, name, region="US")]
    rows += [make.bar("2026-11-15"), make.bar("20.11.2026"), make.bar("2026-11-20", region=None)]
    path = tmp_path_factory.mktemp("files") / "original.db"
    make.original(path, rows)
    return path


def finish(home: Any, make: SimpleNamespace, original: Path) -> float:
    """A whole import in a process of its own; returns its seconds."""
    began = time.monotonic()
    with make.in_small_batches(home, "sqlite", original) as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    return time.monotonic() - began


def test_a_killed_import_ends_like_an_unkilled_one(
    make_home: Callable[..., Any], make: SimpleNamespace, tools: Any, original: Path
) -> None:
    unkilled = make_home("unkilled")
    seconds = finish(unkilled, make, original)
    wanted = unkilled.business()
    hit = 0
    for number in range(6):
        home = make_home(f"killed-{number}")
        with make.in_small_batches(home, "sqlite", original) as process:
            hit += tools.kill_when(process, tools.after(home.path, seconds * number / 12))

        finish(home, make, original)

        assert tools.differences(home.business(), wanted) == {}
        runs = [(run["run_id"], run["status"], run["stored"]) for run in home.runs()]
        assert sorted(runs) == sorted((run["run_id"], run["status"], run["stored"]) for run in unkilled.runs())
        assert not list(home.path.glob("runs/*/*.draft*"))
        with home.store.read() as connection:
            assert connection.sql("SELECT count(*) FROM ohlcv_data").fetchall() == [(wanted["ohlcv_data"].height,)]
    assert hit > 0
