"""Another process of the machine, for tests that need one: `python child.py WORK HOME …`, one JSON line a step."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from pipeline.state import State
from pipeline.store import STORED_BARS, Batch, Store, commit_batch

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def say(**words: object) -> None:
    print(json.dumps(words), flush=True)


def batch(number: int, tickers: int) -> Batch:
    """One day for `tickers` tickers; the close is the batch's number."""
    date = dt.date(2020, 1, 1) + dt.timedelta(days=number)
    close = float(number + 1)
    rows = [
        {
            "region": "KR",
            "ticker": f"{ticker:06d}",
            "timeframe": "D",
            "date": date,
            "open": close,
            "high": close,
            "low": close,
            "close": close,
            "volume": 1 + ticker,
            "amount": None,
            "currency": "KRW",
            "provider": "kis",
            "basis": "raw",
            "adjusted_through": None,
            "finality": "final",
            "known_at": NOW,
            "run_id": "night",
        }
        for ticker in range(tickers)
    ]
    return Batch(
        batch_id=f"batch-{number}",
        run_id="night",
        region="KR",
        origin="sandbox",
        committed_at=NOW,
        bars=pl.DataFrame(rows, schema=STORED_BARS),
    )


def hold_lock(home: Path, purpose: str) -> None:
    """Stand in a transaction until told to go on."""
    with Store(home).write(purpose):
        say(holding=purpose)
        sys.stdin.readline()
    say(done=True)


def hold_file(home: Path) -> None:
    """Keep the main file open without asking for the lock, as a foreign shell would."""
    connection = duckdb.connect(str(home / "spock.duckdb"))
    say(holding="file")
    sys.stdin.readline()
    connection.close()


def leave_wal(home: Path) -> None:
    """Commit a batch and leave it in the write-ahead log: say so, then wait to be killed."""
    with Store(home).write("set up"):
        pass
    connection = duckdb.connect(str(home / "spock.duckdb"), config={"checkpoint_threshold": "1GB"})
    connection.execute("BEGIN")
    commit_batch(connection, batch(0, 20))
    connection.execute("COMMIT")
    say(committed="batch-0")
    sys.stdin.readline()


def commit_forever(home: Path, tickers: str) -> None:
    """Commit one batch after the other, saying before and after each."""
    store = Store(home)
    for number in itertools.count():
        one = batch(number, int(tickers))
        say(begun=number)
        with store.write("commit") as connection:
            commit_batch(connection, one)
        say(committed=number)


def commit_and_stop(home: Path, moment: str) -> None:
    """Commit batch 0, then stop at a moment of batch 1, waiting to be killed."""
    store = Store(home)
    with store.write("commit") as connection:
        commit_batch(connection, batch(0, 500))
    with store.write("commit") as connection:
        if moment == "after BEGIN":
            say(at=moment)
            sys.stdin.readline()
        commit_batch(connection, batch(1, 5_000))
        if moment == "before COMMIT":
            say(at=moment)
            sys.stdin.readline()
    say(at=moment)
    sys.stdin.readline()


def read_forever(home: Path, seconds: str) -> None:
    """Open the newest replica again and again; each answer must be whole."""
    end = time.monotonic() + float(seconds)
    opened = 0
    batches: list[int] = []
    say(reading=True)
    while time.monotonic() < end:
        connection = Store(home).read()
        found = connection.execute("SELECT count(DISTINCT date), count(*) FROM ohlcv_data").fetchall()[0]
        connection.close()
        assert found[1] == found[0] * 50, found
        batches.append(found[0])
        opened += 1
    say(opened=opened, ordered=batches == sorted(batches), last=batches[-1])


def keep_reading(home: Path) -> None:
    """One connection that is never closed: answers a count each time it is told to."""
    connection = Store(home).read()
    while True:
        say(rows=connection.execute("SELECT count(*) FROM ohlcv_data").fetchall()[0][0])
        sys.stdin.readline()


def write_state(home: Path, name: str, times: str) -> None:
    """Many small writes to the state; each one is counted."""
    state = State(home)
    for number in range(int(times)):
        state.emit("tick", "KR", detail={"by": name, "number": number})
        attempt = {
            "run_id": "run",
            "region": "KR",
            "capability": "history",
            "provider": "kis",
            "outcome": "ok",
            "attempts": 1,
            "seconds": 0.5,
            "first_at": "2026-11-20T12:00:00Z",
            "last_at": "2026-11-20T12:00:01Z",
            "detail": None,
        }
        state.record_attempts([attempt])
    state.close()
    say(written=int(times))


WORKS: dict[str, Callable[..., None]] = {
    "hold-lock": hold_lock,
    "hold-file": hold_file,
    "leave-wal": leave_wal,
    "commit-forever": commit_forever,
    "commit-and-stop": commit_and_stop,
    "read-forever": read_forever,
    "keep-reading": keep_reading,
    "write-state": write_state,
}

if __name__ == "__main__":
    WORKS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
