"""Rows, batches and stores for the tests of the store: plain values, real files."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from pipeline.store import (
    LISTING_RANGES,
    QUARANTINE,
    SESSION_STATES,
    STORED_BARS,
    STORED_INDEX_BARS,
    Batch,
    Committed,
    Store,
    commit_batch,
)

CHILD = Path(__file__).with_name("child.py")
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
RUN = "night-KR-2026-11-20"


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def final_at(date: dt.date) -> dt.datetime:
    """20:05 in Seoul."""
    return dt.datetime.combine(date, dt.time(11, 5), tzinfo=dt.UTC)


def _frame(rows: tuple[dict[str, Any], ...], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema)


def bar(date: str, close: float = 100.0, **values: Any) -> dict[str, Any]:
    """A bar of 005930; open, high and low follow the close unless given."""
    row = {
        "region": "KR",
        "ticker": "005930",
        "timeframe": "D",
        "date": day(date),
        "open": close,
        "high": close + 1,
        "low": close - 1,
        "close": close,
        "volume": 1_000,
        "amount": close * 1_000,
        "currency": "KRW",
        "provider": "kis",
        "basis": "raw",
        "adjusted_through": None,
        "finality": "final",
        "known_at": final_at(day(date)),
        "run_id": RUN,
    }
    return {**row, **values}


def bars(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame(rows, STORED_BARS)


def index_bar(date: str, close: float, **values: Any) -> dict[str, Any]:
    row = {name: None for name in STORED_INDEX_BARS} | {
        "region": "KR",
        "index_code": "KOSPI",
        "date": day(date),
        "close": close,
        "currency": "KRW",
        "provider": "kis",
        "finality": "final",
        "known_at": final_at(day(date)),
        "run_id": RUN,
    }
    return {**row, **values}


def index_bars(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame(rows, STORED_INDEX_BARS)


def state(date: str, kind: str = "halted", **values: Any) -> dict[str, Any]:
    row = {
        "region": "KR",
        "ticker": "005930",
        "date": day(date),
        "state": kind,
        "reason": f"because {kind}",
        "close": None,
        "asked": 1,
        "provider": "kis",
        "known_at": final_at(day(date)),
        "run_id": RUN,
    }
    return {**row, **values}


def states(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame(rows, SESSION_STATES)


def refused(date: str | None, **values: Any) -> dict[str, Any]:
    row = {
        "region": "KR",
        "ticker": "005930",
        "date": None if date is None else day(date),
        "rule": "ohlc_order",
        "reason": "high below low",
        "raw": "{}",
        "provider": "kis",
        "known_at": NOW,
        "run_id": RUN,
    }
    return {**row, **values}


def quarantine(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame(rows, QUARANTINE)


def listing_range(**values: Any) -> dict[str, Any]:
    row = {
        "region": "KR",
        "ticker": "005930",
        "asked_from": day("2026-01-01"),
        "first_session": None,
        "last_session": None,
        "evidence": "paging ended short",
        "provider": "kis",
        "known_at": NOW,
        "run_id": RUN,
    }
    return {**row, **values}


def ranges(*rows: dict[str, Any]) -> pl.DataFrame:
    return _frame(rows, LISTING_RANGES)


def batch(batch_id: str, *rows: dict[str, Any], **values: Any) -> Batch:
    parts: dict[str, Any] = {
        "run_id": RUN,
        "region": "KR",
        "origin": "sandbox",
        "committed_at": NOW,
        "bars": bars(*rows),
    }
    return Batch(batch_id=batch_id, **(parts | values))


def commit(store: Store, one: Batch) -> Committed:
    with store.write("test") as connection:
        return commit_batch(connection, one)


def ask(store: Store, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query on the main file as it stands, past the store's own door."""
    with duckdb.connect(str(store.path)) as connection:
        return connection.execute(query).fetchall()


def everything(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the tables a batch can touch."""
    tables = ("ohlcv_data", "ohlcv_revisions", "session_states", "quarantine", "listing_ranges", "commits", "store_origin")

    with duckdb.connect(str(store.path)) as connection:
        return {table: sorted(connection.table(table).fetchall(), key=repr) for table in tables}


def publish(store: Store) -> Path:
    """Publish with the operations of an empty state."""
    return store.publish({"replica_info": pa.table({"published_at": [NOW], "as_of": [NOW], "run_id": [RUN]})})


@pytest.fixture
def make() -> SimpleNamespace:
    """Builders of rows and batches, and what a test does with a store."""
    return SimpleNamespace(
        NOW=NOW,
        RUN=RUN,
        day=day,
        bar=bar,
        bars=bars,
        index_bar=index_bar,
        index_bars=index_bars,
        state=state,
        states=states,
        refused=refused,
        quarantine=quarantine,
        listing_range=listing_range,
        ranges=ranges,
        batch=batch,
        commit=commit,
        ask=ask,
        everything=everything,
        publish=publish,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that is not there yet."""
    return tmp_path / "home"


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main file of a store nobody wrote to."""
    store = Store(tmp_path_factory.mktemp("empty"))
    store.look(lambda connection: None)
    return store.path


@pytest.fixture
def store(home: Path, empty_file: Path) -> Store:
    """A store at today's schema without rows."""
    home.mkdir()
    store = Store(home, lock_wait_seconds=10)
    shutil.copyfile(empty_file, store.path)
    return store


@pytest.fixture
def absent(home: Path) -> Store:
    """A store that nobody has made yet."""
    return Store(home, lock_wait_seconds=10)


class Child:
    """Another process at work on a home; speaks one JSON line at a time."""

    def __init__(self, *words: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(CHILD), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def line(self) -> Any:
        """The next thing it says."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        assert text, f"the child ended with {self.process.wait(5)} and said nothing"
        return json.loads(text)

    def rest(self) -> list[Any]:
        """All it still says until it ends."""
        assert self.process.stdout is not None
        lines = [json.loads(text) for text in self.process.stdout.read().splitlines() if text.endswith(("}", "]", '"'))]
        self.process.wait(20)
        return lines

    def tell(self) -> None:
        """Let it go on: it waits for a line."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.kill()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    """Starts other processes (`child("hold", home)`); all are ended with the test."""
    started: list[Child] = []

    def start(*words: str | Path) -> Child:
        started.append(Child(*words))
        return started[-1]

    yield start
    for one in started:
        one.close()
