"""Files to import, made for each test: the original system's SQLite file, CSV, Parquet; and a store that holds bars already."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pipeline import calendars
from pipeline.store import LISTING_RANGES, SESSION_STATES, STORED_BARS, Batch, commit_batch
from pipeline.store.incoming import append
from pipeline.universe import LISTINGS

#: Saturday 2026-11-21, noon in Seoul and Friday night in New York; the KR session of the 20th is final, the US one is not.
NOW = "2026-11-21T12:00:00+09:00"
AT = dt.datetime(2026, 11, 21, 3, tzinfo=dt.UTC)
LAST = dt.date(2026, 11, 20)

_INDICATORS = [
    *("ma5", "ma20", "ma60", "ma120", "ma200", "rsi_14", "macd", "macd_signal", "macd_hist"),
    *("bb_upper", "bb_middle", "bb_lower", "atr_14"),
]

#: The command in a process of its own, in small batches: many moments to be killed at.
_IN_SMALL_BATCHES = """
import pipeline.importing.staging as staging, pipeline.importing.steps as steps
steps.BATCH_ROWS = staging.BATCH_ROWS = 100
staging._SMALL = 0
from pipeline import cli
cli.main()
"""


def sessions(count: int, venue: str = "XKRX", last: dt.date = LAST) -> list[dt.date]:
    return calendars.calendar(venue).window(count, last)


def bar(date: dt.date | str, close: float = 100.0, **values: Any) -> dict[str, Any]:
    """A row of a file: 005930 of KR, open, high and low around the close."""
    row = {"ticker": "005930", "region": "KR", "timeframe": "D", "date": str(date), "open": close, "high": close + 1}
    return {**row, "low": close - 1, "close": close, "volume": 1_000, **values}


def series(count: int, ticker: str = "005930", **values: Any) -> list[dict[str, Any]]:
    """The last `count` sessions of a ticker, no two rows alike."""
    venue = "XNYS" if values.get("region") == "US" else "XKRX"
    return [
        bar(day, 100.0 + number, ticker=ticker, volume=1_000 + number, **values)
        for number, day in enumerate(sessions(count, venue))
    ]


def original(path: Path, rows: Sequence[Mapping[str, Any]], *, region: bool = True, wal: bool = False) -> Any:
    """The original system's file; with `wal` the connection stays open, so that the rows stand in the log beside it."""
    connection = sqlite3.connect(path, isolation_level=None)
    if wal:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    named = "region TEXT," if region else ""
    indicators = ", ".join(f"{name} REAL" for name in _INDICATORS)
    connection.execute(
        f"CREATE TABLE ohlcv_data (id INTEGER PRIMARY KEY AUTOINCREMENT, ticker TEXT NOT NULL, {named} timeframe TEXT NOT NULL,"
        " date TEXT NOT NULL, open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL,"
        f" volume BIGINT NOT NULL, {indicators}, created_at TEXT NOT NULL)"
    )
    names = ["ticker", *(["region"] if region else []), "timeframe", "date", "open", "high", "low", "close", "volume"]
    connection.execute("BEGIN")
    connection.executemany(
        f"INSERT INTO ohlcv_data ({', '.join(names)}, ma5, created_at) VALUES ({', '.join('?' * len(names))}, 1.5, 'then')",
        [[row[name] for name in names] for row in rows],
    )
    connection.execute("COMMIT")
    if wal:
        return connection
    connection.close()
    return None


def csv(path: Path, rows: Sequence[Mapping[str, Any]], names: str = "date,open,high,low,close,volume") -> Path:
    lines = [names, *(",".join(str(row[name]) for name in names.split(",")) for row in rows)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


WHOLE = "region,ticker,date,open,high,low,close,volume"


def stored(date: dt.date | str, close: float = 100.0, **values: Any) -> dict[str, Any]:
    """A row of `ohlcv_data` as a night of KR left it."""
    day = dt.date.fromisoformat(str(date))
    row = {name: value for name, value in bar(day, close).items() if name in STORED_BARS} | {
        "date": day,
        "amount": close * 1_000,
        "currency": "KRW",
        "provider": "kis",
        "basis": "raw",
        "adjusted_through": None,
        "finality": "final",
        "known_at": dt.datetime.combine(day, dt.time(11, 5), tzinfo=dt.UTC),
        "run_id": "KR-night",
    }
    return {**row, **values}


def stand(home: Any, bars: Sequence[Mapping[str, Any]], states: Sequence[Mapping[str, Any]] = ()) -> None:
    """Let the store hold a listing of 005930 on KOSDAQ, bars, and explained cells, as a provider left them."""
    listing = {name: None for name in LISTINGS} | {
        "region": "KR",
        "ticker": "005930",
        "valid_from": dt.date(2020, 1, 2),
        "venue": "XKOS",
        "name": "listed",
        "security_type": "common",
        "is_primary": True,
        "currency": "KRW",
        "followed": True,
        "provider": "kis",
        "seen_at": AT,
        "known_at": AT,
        "run_id": "KR-night",
    }
    batch = Batch(
        batch_id="night",
        run_id="KR-night",
        region="KR",
        origin="live",
        committed_at=AT,
        bars=pl.DataFrame(list(bars), schema=STORED_BARS),
        explained=pl.DataFrame(list(states), schema=SESSION_STATES),
        ranges=pl.DataFrame(schema=LISTING_RANGES),
    )
    with home.store.write("test") as connection:
        append(connection, "store/insert_unlisted", pl.DataFrame([listing], schema=LISTINGS), LISTINGS)
        commit_batch(connection, batch)


def imported(home: Any, kind: str, *arguments: Any, code: int = 0) -> list[dict[str, Any]]:
    """The rows `spock import` prints, after it ended with `code`."""
    done = home.inside("import", kind, *map(str, arguments), "--now", NOW)
    assert done.code == code, done.err + done.out
    rows: list[dict[str, Any]] = json.loads(done.out)
    return rows


def refused(home: Any, kind: str, *arguments: Any, code: int = 2) -> str:
    """The words of an import that was not begun, or broke off."""
    done = home.inside("import", kind, *map(str, arguments), "--now", NOW)
    assert done.code == code, done.err + done.out
    assert "Traceback" not in done.err
    words: str = done.words
    return words


@contextlib.contextmanager
def in_small_batches(home: Any, *arguments: Any) -> Any:
    process = subprocess.Popen(
        [sys.executable, "-c", _IN_SMALL_BATCHES, "import", *map(str, arguments), "--now", NOW],
        env=home.variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The functions above, reachable as one fixture: tests are imported by path, not from each other."""
    return SimpleNamespace(
        now=NOW,
        last=LAST,
        whole=WHOLE,
        sessions=sessions,
        bar=bar,
        series=series,
        original=original,
        csv=csv,
        stored=stored,
        stand=stand,
        imported=imported,
        refused=refused,
        in_small_batches=in_small_batches,
    )


@pytest.fixture
def home(make_home: Callable[..., Any]) -> Any:
    """An empty home of live rows."""
    return make_home()
