"""`spock runs show`: all that is kept of one run."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from adapters.sandbox import control
from pipeline.state import State

NIGHT = "KR-night-2026-11-20"
BARS_TR = "FHKST03010100"


@pytest.fixture
def pointed(night_home: Callable[..., Any]) -> tuple[Any, Any]:
    """A home before its first night of Korea, three sessions, twelve tickers."""
    return night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "3"}, regions=("KR",), tickers=12)


def record(home: Any, run_id: str = NIGHT) -> dict[str, Any]:
    done = home.inside("runs", "show", run_id)
    assert done.code == 0, done.words
    return json.loads(done.out)


def stages(home: Any) -> list[str]:
    """The stages that the night has begun."""
    if not home.path.exists():
        return []
    state = State(home.path)
    try:
        return [stage["stage"] for stage in state.stages(NIGHT)]
    finally:
        state.close()


def test_a_complete_night_shows_its_stages_requests_and_commits(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    assert home.inside("nightly", "KR").code == 0
    found = record(home)
    assert (found["run"]["status"], found["run"]["coverage"]) == ("complete", 1.0)
    stages = [stage["stage"] for stage in found["stages"]]
    assert stages == ["plan", "fetch", "commit", "index", "coverage", "indicators", "publish"]
    assert {stage["status"] for stage in found["stages"]} == {"complete"}
    assert {(one["capability"], one["outcome"]) for one in found["providers"]} >= {("history", "ok"), ("universe", "ok")}
    assert sum(batch["stored"] for batch in found["batches"]) == found["run"]["stored"]
    assert (found["sessions"], found["open_cells"], found["refused"], found["left_out"]) == ([], [], [], {})
    assert found["report"].endswith("2026-11-20.html")


def test_a_partial_night_shows_what_is_open_and_what_was_refused(pointed: tuple[Any, Any]) -> None:
    home, server = pointed
    control.set_fault(server.url, kind="times_100", tr=BARS_TR, count=2)
    assert home.inside("nightly", "KR").code == 3
    found = record(home)
    assert found["run"]["status"] == "partial"
    assert [(one["rule"], one["tickers"]) for one in found["refused"]] == [("unit_error", 2)]
    assert [(one["state"], one["sessions"], one["first"], one["last"]) for one in found["open_cells"]] == [
        ("quarantined", 3, "2026-11-18", "2026-11-20")
    ] * 2
    assert sum(session["quarantined"] for session in found["sessions"]) == 6


def test_long_sections_are_cut_and_counted(pointed: tuple[Any, Any]) -> None:
    home, server = pointed
    control.set_fault(server.url, kind="empty", tr=BARS_TR, count=100_000)
    assert home.inside("nightly", "KR", SPOCK_COLLECT__INITIAL_SESSIONS="30").code != 0
    found = record(home)
    assert len(found["sessions"]) == 20
    assert found["left_out"]["sessions"] == len({"XKRX", "XKOS"}) * 30 - 20


def test_a_night_at_work_can_be_looked_at(pointed: tuple[Any, Any]) -> None:
    home, server = pointed
    control.set_fault(server.url, kind="silence", tr=BARS_TR, seconds=600, delay=600)
    process = home.start("nightly", "KR", SPOCK_TRANSPORT__READ_TIMEOUT="60")
    try:
        while "fetch" not in stages(home):
            assert process.poll() is None
            time.sleep(0.01)
        found = record(home)
        assert (found["run"]["status"], found["stages"][-1]["stage"], found["report"]) == ("running", "fetch", None)
    finally:
        process.kill()
        process.communicate()


def test_the_table_names_every_section(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    assert home.inside("nightly", "KR").code == 0
    told = home.inside("runs", "show", NIGHT, "--format", "table").out
    for words in (NIGHT, "stages", "providers", "batches", "coverage", "2026-11-20.html", "refused: none", "open cells: none"):
        assert words in told


def test_as_csv_every_value_has_a_line(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    assert home.inside("nightly", "KR").code == 0
    rows = list(csv.DictReader(io.StringIO(home.inside("runs", "show", NIGHT, "--format", "csv").out)))
    told = {row["what"]: row["value"] for row in rows}
    assert (told["run.status"], told["stages.0.stage"]) == ("complete", "plan")
    assert told["batches.0.received"] == told["run.received"]


def test_an_unknown_run_names_the_nearest(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    assert home.inside("runs", "show", NIGHT).words.endswith("there is no run yet; `spock runs` lists them")
    assert home.inside("nightly", "KR").code == 0
    done = home.inside("runs", "show", "KR-night-2026-11-02")
    assert done.code == 2
    assert f"no run 'KR-night-2026-11-02' in {home.path}: the nearest are {NIGHT}" in done.words


def test_an_unknown_run_that_looks_like_none_names_the_newest(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    assert home.inside("nightly", "KR").code == 0
    assert f"no run '?' in {home.path}: the newest are {NIGHT}; `spock runs`" in home.inside("runs", "show", "?").words


def test_a_run_without_a_store_shows_every_section_empty(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    state = State(home.path)
    day = dt.date(2026, 11, 20)
    as_of = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    state.begin_run(
        NIGHT, kind="night", region="KR", first_session=day, target_session=day, origin="sandbox", as_of=as_of
    )
    state.close()
    found = record(home)
    sections = ("stages", "providers", "sessions", "open_cells", "refused", "batches")
    assert {name: found[name] for name in sections} == {name: [] for name in sections}
    assert (found["run"]["status"], found["left_out"], found["report"]) == ("running", {}, None)


def test_runs_still_lists(pointed: tuple[Any, Any]) -> None:
    home, _ = pointed
    assert home.inside("nightly", "KR").code == 0
    (row,) = json.loads(home.inside("runs", "--region", "KR", "--limit", "1").out)
    assert (row["run_id"], row["target_session"]) == (NIGHT, str(dt.date(2026, 11, 20)))
