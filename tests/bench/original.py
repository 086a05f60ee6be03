"""The peer: SQLite with the bars table of the original system, its UNIQUE constraint and its four indexes.

At its honest best for that design: WAL, `synchronous=NORMAL`, a cache of 256 MB, one transaction, `executemany` of plain
INSERTs over tuples that were made before the clock starts, indicators left NULL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import polars as pl

Row = tuple[str, str, str, str, float, float, float, float, int, str]

_SCHEMA = """
CREATE TABLE tickers (
    ticker TEXT PRIMARY KEY
);
CREATE TABLE ohlcv_data (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ticker TEXT NOT NULL,
    region TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    date TEXT NOT NULL,
    open REAL NOT NULL,
    high REAL NOT NULL,
    low REAL NOT NULL,
    close REAL NOT NULL,
    volume BIGINT NOT NULL,
    ma5 REAL, ma20 REAL, ma60 REAL, ma120 REAL, ma200 REAL,
    rsi_14 REAL,
    macd REAL, macd_signal REAL, macd_hist REAL,
    bb_upper REAL, bb_middle REAL, bb_lower REAL,
    atr_14 REAL,
    created_at TEXT NOT NULL,
    UNIQUE (ticker, region, timeframe, date),
    FOREIGN KEY (ticker) REFERENCES tickers (ticker)
);
CREATE INDEX idx_ohlcv_region ON ohlcv_data (region);
CREATE INDEX idx_ohlcv_region_ticker ON ohlcv_data (region, ticker);
CREATE INDEX idx_ohlcv_region_date ON ohlcv_data (region, date DESC);
CREATE INDEX idx_ohlcv_ticker_region_date ON ohlcv_data (ticker, region, date DESC);
"""

_INSERT = """
INSERT INTO ohlcv_data (ticker, region, timeframe, date, open, high, low, close, volume, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def create(path: Path) -> None:
    """An empty database with the original's table."""
    connection = connect(path)
    connection.executescript(_SCHEMA)
    connection.close()


def connect(path: Path) -> sqlite3.Connection:
    """Open `path`; the caller begins, commits and closes."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-262144"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def insert(connection: sqlite3.Connection, bars: Iterable[Row]) -> None:
    """Write bars inside the caller's transaction."""
    connection.executemany(_INSERT, bars)


def give_means(path: Path, means: Iterable[tuple[float | None, str, str, str, str]]) -> None:
    """Fill in `ma200` where it is known: (value, ticker, region, timeframe, date)."""
    connection = connect(path)
    connection.execute("BEGIN")
    connection.executemany(
        "UPDATE ohlcv_data SET ma200 = ? WHERE ticker = ? AND region = ? AND timeframe = ? AND date = ?", means
    )
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.close()


def tuples(bars: pl.DataFrame) -> list[Row]:
    """STORED_BARS as rows of the original's table: dates and moments as text."""
    rows: list[Row] = bars.select(
        "ticker",
        "region",
        "timeframe",
        pl.col("date").dt.to_string("iso"),
        "open",
        "high",
        "low",
        "close",
        "volume",
        pl.col("known_at").dt.strftime("%Y-%m-%d %H:%M:%S"),
    ).rows()
    return rows
