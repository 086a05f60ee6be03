"""kill -9 at any moment: the same command again ends with the store of an unkilled run, and asks for no spooled page twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from adapters.sandbox import control
from adapters.sandbox.server import Sandbox

NIGHT = ("nightly", "KR")
BACKFILL = ("backfill", "KR", "--from", "2026-01-05", "--until", "2026-06-30")
#: Small batches and few workers: many files, and time for a kill to land between any two of them.
SLOW = {
    "SPOCK_COLLECT__INITIAL_SESSIONS": "40",
    "SPOCK_COLLECT__BATCH_PAGES": "3",
    "SPOCK_TRANSPORT__WORKERS": "2",
}


@dataclass(frozen=True)
class Unkilled:
    """A run that nobody disturbed: what it left, how long it kept books, what it said."""

    business: dict[str, pl.DataFrame]
    seconds: float
    row: dict[str, Any]


class Killing:
    """Kills one command at a moment, runs it again, and compares with the unkilled run."""

    def __init__(self, server: Sandbox, make_home: Callable[..., Any], tools: Any) -> None:
        self.server = server
        self.make_home = make_home
        self.tools = tools
        self.unkilled: dict[tuple[str, ...], Unkilled] = {}

    def home(self, name: str) -> Any:
        return self.make_home(name, SPOCK_SANDBOX_URL=self.server.url, **SLOW)

    def reference(self, command: tuple[str, ...]) -> Unkilled:
        """The unkilled run of a command, once; timed in a second home, when the market has been drawn already."""
        if command not in self.unkilled:
            home = self.home(f"unkilled-{command[0]}")
            done = home.inside(*command)
            assert done.code == 0, done.out + done.err
            seconds = self.timed(self.home(f"timed-{command[0]}"), command)
            self.unkilled[command] = Unkilled(home.business(), seconds, done.row)
        return self.unkilled[command]

    def timed(self, home: Any, command: tuple[str, ...]) -> float:
        """Seconds from the first line in the books to the end of the process."""
        process = home.start(*command)
        while not (home.path / "state.sqlite").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.001)
        began = time.monotonic()
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return time.monotonic() - began

    def at_fraction(self, command: tuple[str, ...], fraction: float) -> bool:
        """Kill at a fraction of the unkilled run's duration."""
        unkilled = self.reference(command)
        home = self.home(f"{command[0]}-{fraction:.4f}")
        return self.check(home, command, self.tools.after(home.path, unkilled.seconds * fraction))

    def at(self, command: tuple[str, ...], name: str, reached: Callable[[Any], bool]) -> bool:
        """Kill when something has come to be in the home."""
        home = self.home(f"{command[0]}-{name}")
        return self.check(home, command, lambda: reached(home))

    def check(self, home: Any, command: tuple[str, ...], reached: Callable[[], bool]) -> bool:
        """Kill, rerun, compare; returns whether the kill came before the end."""
        unkilled = self.reference(command)
        killed = self.tools.kill_when(home.start(*command), reached)
        spooled = home.spooled()
        control.clear_report(self.server.url)

        again = home.inside(*command)

        assert again.code == 0, again.out + again.err
        figures = ("run_id", "sessions", "tickers", "received", "rows", "explained", "refused", "gaps", "coverage")
        assert {name: again.row[name] for name in figures} == {name: unkilled.row[name] for name in figures}
        assert self.tools.differences(unkilled.business, home.business()) == {}
        asked_again = {code for code, _, _ in self.tools.asked(self.server.url)}
        assert asked_again & spooled == set()
        assert [(run["run_id"], run["attempt"], run["status"]) for run in home.runs()] == [
            (unkilled.row["run_id"], 1, "complete")
        ]
        with home.store.read() as replica:
            published = replica.table("ohlcv_data").count("*").fetchall()
        assert published == [(unkilled.business["ohlcv_data"].height,)]
        assert (home.path / "reports" / f"{self.tools.now:%Y-%m-%d}.html").exists()
        return killed


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Iterator[Killing]:
    """One sandbox and one unkilled run of each command for all moments."""
    folder = tmp_path_factory.mktemp("killing")

    def make_home(name: str, **environment: str) -> Any:
        return tools.home(folder / name, folder / f"{name}-machine", environment)

    with Sandbox(regions=("KR",), now=tools.now, tickers=12, enforce_limits=False) as server:
        yield Killing(server, make_home, tools)


def moments(count: int, seed: int) -> list[float]:
    """Random fractions of a run's duration, one in each of `count` equal parts."""
    rng = random.Random(seed)
    return [(part + rng.random()) / count for part in range(count)]


@pytest.mark.parametrize("fraction", moments(5, seed=20261120))
def test_a_night_killed_at_any_moment_ends_like_an_unkilled_one(killing: Killing, fraction: float) -> None:
    killing.at_fraction(NIGHT, fraction)


@pytest.mark.parametrize("fraction", moments(3, seed=20261121))
def test_a_backfill_killed_at_any_moment_ends_like_an_unkilled_one(killing: Killing, fraction: float) -> None:
    killing.at_fraction(BACKFILL, fraction)


def fetched(home: Any) -> bool:
    """Everything is spooled, nothing is committed."""
    return (home.path / "state.sqlite").exists() and running(home, "commit")


def published_next(home: Any) -> bool:
    """Everything is committed, the replica is being made."""
    return any(home.path.glob("replica-*.draft"))


def running(home: Any, stage: str) -> bool:
    """The books say that a stage is being worked on."""
    tables = home.state_rows("SELECT count(*) FROM sqlite_master WHERE name = 'stages'")
    return tables[0][0] and (stage, "running") in home.state_rows("SELECT stage, status FROM stages")


@pytest.mark.parametrize("reached", [fetched, published_next], ids=lambda reached: reached.__name__)
def test_a_night_killed_between_its_stages_ends_like_an_unkilled_one(
    killing: Killing, reached: Callable[[Any], bool]
) -> None:
    assert killing.at(NIGHT, reached.__name__, reached), "the night ended before it could be killed"


def test_a_backfill_killed_between_spool_and_commit_does_not_fetch_the_spooled_batch_again(killing: Killing) -> None:
    def between(home: Any) -> bool:
        files = len(list(home.path.glob("runs/*/*.parquet")))
        return files >= 3

    assert killing.at(BACKFILL, "between", between), "the backfill ended before it could be killed"


def test_a_kill_after_the_fetch_does_not_lose_why_a_ticker_has_no_answer(
    make_home: Callable[..., Any], sandbox: Callable[..., Sandbox], tools: Any
) -> None:
    server = sandbox()
    home = make_home(
        SPOCK_SANDBOX_URL=server.url,
        SPOCK_COLLECT__INITIAL_SESSIONS="5",
        SPOCK_TRANSPORT__WORKERS="1",
        SPOCK_TRANSPORT__ATTEMPTS="2",
        SPOCK_TRANSPORT__BREAKER_FAILURES="50",
        **tools.kis_alone,
    )
    control.set_fault(server.url, kind="http_500", tr=tools.bars_tr, after=11, seconds=600)
    assert tools.kill_when(home.start(*NIGHT), lambda: fetched(home)), "the night ended before it could be killed"

    done = home.inside(*NIGHT)

    assert (done.code, done.row["gaps"]) == (3, 5)
    reasons = home.table("session_states").filter(pl.col("state") == "gap")["reason"].unique().to_list()
    assert len(reasons) == 1
    assert "EGW00002" in reasons[0]
