"""Holds docs/PYTHON.md to the code: what it shows runs on a demo, one block after another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline import demo
from pipeline.market import Market

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "PYTHON.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_what_the_page_shows_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path / "data"))
    assert demo.run(tickers=54, sessions=260) == 0
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, "docs/PYTHON.md", "exec"), names)
    told = capsys.readouterr().out
    assert len(BLOCKS) == 4
    assert re.search(r"^\d+ of \d+ above their mean, as of 2026-11-20$", told, re.MULTILINE)
    assert re.search(r"since 2026-01-02, in KRW$", told, re.MULTILINE)


def test_the_table_of_calls_is_the_class() -> None:
    told = set(re.findall(r"^\| `market\.(\w+)", PAGE, re.MULTILINE))
    assert told == {name for name in vars(Market) if not name.startswith("_")}
