"""All that is kept of one run, in one place: how it went, what it asked, what it left open."""

from __future__ import annotations

import datetime as dt
import difflib
from pathlib import Path
from typing import Any

import duckdb

from pipeline.errors import UsageError
from pipeline.report import path
from pipeline.state import State
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import records

Row = dict[str, Any]

#: Rows of a section that may be long; what is left out is counted.
LONGEST = 20
_RECENT = 1_000
#: So many runs are named where one is unknown.
_NAMED = 3
#: The sections that the store has, and what their statements (`store/run_…`) are told.
_OF_SPAN = ("region", "first", "last")
_SECTIONS = {"sessions": _OF_SPAN, "open_cells": _OF_SPAN, "refused": ("run_id",), "batches": ("run_id",)}
_STAGE = ("stage", "status", "seconds", "detail")
_ATTEMPT = ("capability", "provider", "outcome", "attempts", "seconds", "detail")


def read(home: Path, run_id: str) -> dict[str, Any]:
    """What is kept of `run_id`: `run` (one row of the runs), and as lists of rows its sections.

    `stages` in their order, `providers` (what came of the requests), `sessions` (those not wholly covered, the worst first),
    `open_cells` (gaps and quarantined cells by ticker), `refused` (rows by rule), `batches` (what each commit held);
    `left_out` counts the rows a section does not show; `report` is the path of the report, None where there is none.
    `UsageError` for an unknown run, naming those that look like it.
    """
    state = State(home)
    try:
        run = state.run(run_id) if state.path.exists() else None
        if run is None:
            raise UsageError(_unknown(run_id, state))
        stages, attempts = state.stages(run_id), state.attempts(run_id)
    finally:
        state.close()
    span = {"run_id": run_id, "region": run["region"], "first": run["first_session"], "last": run["target_session"]}
    store = Store(home)
    none: dict[str, list[Row]] = {name: [] for name in _SECTIONS}
    kept = store.look(lambda connection: _kept(connection, span), "runs show") if store.exists() else none
    report = path(home, dt.datetime.fromisoformat(run["as_of"]).astimezone(dt.UTC).date())
    return {
        "run": run,
        "stages": [{name: stage[name] for name in _STAGE} for stage in stages],
        "providers": [{name: one[name] for name in _ATTEMPT} for one in attempts],
        **{name: rows[:LONGEST] for name, rows in kept.items()},
        "left_out": {name: len(rows) - LONGEST for name, rows in kept.items() if len(rows) > LONGEST},
        "report": str(report) if report.exists() else None,
    }


def _kept(connection: duckdb.DuckDBPyConnection, span: dict[str, Any]) -> dict[str, list[Row]]:
    """What the store knows of a run."""
    return {
        name: records(connection.execute(statement(f"store/run_{name}"), {key: span[key] for key in wanted}))
        for name, wanted in _SECTIONS.items()
    }


def _unknown(run_id: str, state: State) -> str:
    known = [run["run_id"] for run in state.runs(limit=_RECENT)] if state.path.exists() else []
    there = f"the newest are {', '.join(known[:_NAMED])}" if known else "there is no run yet"
    close = difflib.get_close_matches(run_id, known, n=_NAMED)
    if close:
        there = f"the nearest are {', '.join(close)}"
    return f"no run {run_id!r} in {state.path.parent}: {there}; `spock runs` lists them"
