"""A home of its own for each test, a sandbox to fill it from, and what stands in the store afterwards."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import polars as pl
import pytest

from adapters import factory
from adapters.sandbox import control
from adapters.sandbox.server import Sandbox
from pipeline import cli, settings
from pipeline.collect import spool
from pipeline.state import State
from pipeline.store import Store

#: Friday 2026-11-20, 21:00 in Seoul: the session is final.
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
CHECKOUT = Path(__file__).resolve().parents[2]
BARS_TR = "FHKST03010100"
#: Names that every sandbox has: a small one lists few of the settings' watchlists.
WATCHED = {"SPOCK_REGIONS__KR__WATCHLIST": '["005930"]', "SPOCK_REGIONS__US__WATCHLIST": '["AAPL"]'}

#: No second provider: what a fault of KIS does to a night shows only where nobody stands in for it.
KIS_ALONE = {
    f"SPOCK_REGIONS__{region}__CHAIN__{capability}": '["kis"]'
    for region in ("KR", "US")
    for capability in ("UNIVERSE", "LISTING", "HISTORY", "INDEX")
}

#: When a run looked, not what it found: equal stores may differ here.
_STAMPS = {
    "store_origin": ["since"],
    "instruments": ["seen_at", "known_at"],
    "instrument_events": ["known_at"],
    "listing_ranges": ["known_at"],
    "ohlcv_revisions": ["replaced_at"],
    "quarantine": ["known_at"],
    "region_state": ["updated_at"],
}
_BOOKKEEPING = ("commits", "indicator_runs", "schema_migrations")


@dataclass(frozen=True)
class Done:
    """How a command ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """stdout as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def row(self) -> dict[str, Any]:
        """The one object of a command over one region."""
        (row,) = self.rows
        return row

    @property
    def words(self) -> str:
        """What stderr says beside progress."""
        return "\n".join(line for line in self.err.splitlines() if not line.startswith("{"))


@dataclass
class Home:
    """One home with a state folder; `environment` is on top of an otherwise Spock-free one."""

    path: Path
    state_dir: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return Store(self.path)

    def variables(self, **changes: str) -> dict[str, str]:
        """The whole environment of a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SPOCK_", "KIS_"))}
        kept.pop("CREDENTIALS_DIRECTORY", None)
        own = {"SPOCK_HOME": str(self.path), "SPOCK_STATE_DIR": str(self.state_dir), "COLUMNS": "200"}
        return kept | own | self.environment | changes

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            cwd=CHECKOUT,
            env=self.variables(**changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def spock(self, *arguments: str, **changes: str) -> Done:
        """A command in a process of its own, to its end."""
        with self.start(*arguments, **changes) as process:
            try:
                out, err = process.communicate(timeout=120)
            finally:
                process.kill()
        return Done(process.returncode, out, err)

    def inside(self, *arguments: str, **changes: str) -> Done:
        """The same command in this process: no second interpreter to start."""
        out, err = io.StringIO(), io.StringIO()
        code: Any = 0
        with (
            patch.dict(os.environ, self.variables(**changes), clear=True),
            patch.object(sys, "argv", ["spock", *arguments]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            settings.clear_cache()
            factory.reset()
            try:
                cli.main()
            except SystemExit as end:
                code = end.code or 0
            finally:
                factory.reset()
                settings.clear_cache()
        return Done(code, out.getvalue(), err.getvalue())

    def table(self, name: str) -> pl.DataFrame:
        """One table of the main file."""
        return self.store.look(lambda connection: connection.table(name).pl())

    def business(self) -> dict[str, pl.DataFrame]:
        """Every table of the main file without the stamps of the clock; commits as the sums of each run."""

        def read(connection: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
            names = connection.sql("SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall()
            return {name: connection.table(name).pl() for (name,) in names}

        found = self.store.look(read)
        commits = found["commits"].drop("batch_id", "venue", "first_session", "last_session", "committed_at")
        tables = {name: frame.drop(_STAMPS.get(name, [])) for name, frame in found.items() if name not in _BOOKKEEPING}
        return {**tables, "commits": commits.group_by("run_id", "region").sum()}

    def state_rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the operational database, beside whoever writes it."""
        connection = sqlite3.connect(self.path / "state.sqlite", timeout=5)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def runs(self) -> list[dict[str, Any]]:
        """The runs, newest first."""
        state = State(self.path)
        try:
            return state.runs()
        finally:
            state.close()

    def spooled(self) -> set[str]:
        """Tickers whose answers are in whole spool files."""
        paths = [path for run in self.path.glob("runs/*") for path in spool.files(run, "")]
        return {answer.unit.ticker for path in paths for answer in spool.read(path)}


def differences(ours: Mapping[str, pl.DataFrame], theirs: Mapping[str, pl.DataFrame]) -> dict[str, list[Any]]:
    """Rows that only one of two stores has, by table and side."""
    assert ours.keys() == theirs.keys()
    found = {}
    with duckdb.connect() as connection:
        for name in ours:
            connection.register("ours", ours[name])
            connection.register("theirs", theirs[name])
            only_ours = connection.sql("FROM ours EXCEPT ALL FROM theirs").fetchall()
            only_theirs = connection.sql("FROM theirs EXCEPT ALL FROM ours").fetchall()
            if only_ours or only_theirs:
                found[name] = [("only in the first", only_ours[:3]), ("only in the second", only_theirs[:3])]
    return found


def asked(url: str) -> Counter[tuple[str, str, str]]:
    """How often each page of bars was served: (code, from, until)."""
    return Counter(
        (row["code"], row["from"], row["until"])
        for row in control.report(url, detail=True)["detail"]
        if row["tr"] == BARS_TR and row["status"] == 200
    )


def kill_when(process: subprocess.Popen[str], reached: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Kill -9 as soon as `reached()`; False when the process ended before."""
    limit = time.monotonic() + seconds
    try:
        while process.poll() is None:
            assert time.monotonic() < limit, "the moment never came and the process did not end"
            if reached():
                process.kill()
                process.communicate()
                return process.returncode < 0
            time.sleep(0.001)
        process.communicate()
        return False
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def said(process: subprocess.Popen[str], word: str) -> str:
    """The first line of stderr that holds `word`."""
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return line
    raise AssertionError(f"the command ended with {process.wait()} and never said {word!r}")


def after(folder: Path, seconds: float) -> Callable[[], bool]:
    """Whether `seconds` have passed since the run in `folder` began to keep books."""
    began: list[float] = []

    def reached() -> bool:
        if not began and (folder / "state.sqlite").exists():
            began.append(time.monotonic())
        return bool(began) and time.monotonic() - began[0] >= seconds

    return reached


class Tools:
    """What the tests of whole runs share, reachable as one fixture: tests are imported by path, not from each other."""

    now = NOW
    kis_alone = KIS_ALONE
    checkout = CHECKOUT
    bars_tr = BARS_TR
    home = Home
    sandbox = Sandbox
    done = Done
    differences = staticmethod(differences)
    asked = staticmethod(asked)
    kill_when = staticmethod(kill_when)
    said = staticmethod(said)
    after = staticmethod(after)


@pytest.fixture(scope="session")
def tools() -> Tools:
    """The shared classes and functions."""
    return Tools()


@pytest.fixture
def make_home(tmp_path: Path) -> Callable[..., Home]:
    """Makes homes by name, each with a state folder of its own unless told otherwise."""

    def make(name: str = "home", state_dir: str | None = None, **environment: str) -> Home:
        return Home(tmp_path / name, tmp_path / (state_dir or f"{name}-machine"), environment)

    return make


@pytest.fixture
def seal() -> Iterator[Callable[[Path], None]]:
    """Makes folders such that they can't be written, also not by root; skips where root can mount nothing."""
    with ExitStack() as stack:

        def sealed(folder: Path) -> None:
            if os.geteuid() != 0:
                stack.callback(folder.chmod, folder.stat().st_mode)
                folder.chmod(0o555)
                return
            # Rights do not bind root: a read-only mount of the folder on itself does.
            mount = ["mount", "--bind", "-o", "ro", str(folder), str(folder)]
            done = subprocess.run(mount, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"a folder can't be mounted read-only here: {done.stderr.strip()}")
            stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)

        yield sealed


@pytest.fixture
def read_only(tmp_path: Path, seal: Callable[[Path], None]) -> Path:
    """An empty folder that can't be written."""
    place = tmp_path / "read-only"
    place.mkdir()
    seal(place)
    return place


@pytest.fixture
def sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Starts sandboxes: 12 tickers of Korea, no limits, frozen at `NOW` unless told otherwise."""
    with ExitStack() as stack:

        def begin(**wanted: Any) -> Sandbox:
            usual = {"now": NOW, "regions": ("KR",), "tickers": 12, "enforce_limits": False}
            return stack.enter_context(Sandbox(**usual | wanted))

        yield begin


@pytest.fixture
def night_home(make_home: Callable[..., Home], sandbox: Callable[..., Sandbox]) -> Callable[..., tuple[Home, Sandbox]]:
    """A home that is pointed at a sandbox of its own, with a first night of 30 sessions, from KIS alone."""

    def make(name: str = "home", environment: Mapping[str, str] | None = None, **wanted: Any) -> tuple[Home, Sandbox]:
        server = sandbox(**wanted)
        own = {"SPOCK_SANDBOX_URL": server.url, "SPOCK_COLLECT__INITIAL_SESSIONS": "30", **WATCHED, **KIS_ALONE}
        return make_home(name, **own | dict(environment or {})), server

    return make
