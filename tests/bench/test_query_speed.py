"""The four queries of the original at 2.23M bars: against its SQLite table, warm, and as a process of their own."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import original
import polars as pl
import pyarrow as pa
import pytest
import synthetic
from conftest import Year
from timing import Stopwatch, say

from pipeline import resources
from pipeline.indicators.stage import derive
from pipeline.store import Store

pytestmark = pytest.mark.bench

_REPETITIONS = 15

#: Named query: its parameters here, the original's text with the same ones, and how many times faster it has to be.
_FOUR = {
    "history": (
        {"region": "US", "ticker": "000100"},
        "SELECT * FROM ohlcv_data WHERE region = 'US' AND ticker = '000100' ORDER BY date DESC LIMIT 250",
        None,
    ),
    "compare": (
        {"tickers": "000100,000101,000102", "since": "2026-06-01"},
        "SELECT region, ticker, close, date FROM ohlcv_data WHERE ticker IN ('000100', '000101', '000102') "
        "AND date >= '2026-06-01' ORDER BY region, date",
        None,
    ),
    "strength": (
        {},
        "SELECT o1.ticker, o1.region, (o1.close - o1.ma200) / o1.ma200 * 100 AS rs_score FROM ohlcv_data o1 "
        "WHERE o1.date = (SELECT MAX(date) FROM ohlcv_data WHERE region = o1.region) AND o1.ma200 IS NOT NULL "
        "ORDER BY rs_score DESC LIMIT 50",
        10,
    ),
    "counts": (
        {},
        "SELECT region, COUNT(*) as row_count, COUNT(DISTINCT ticker) as ticker_count FROM ohlcv_data GROUP BY region",
        10,
    ),
}


@pytest.fixture(scope="module")
def published(year: Year) -> Path:
    """The year with indicators and region states, published; the peer's table has the same means."""
    now = dt.datetime.combine(synthetic.LAST, dt.time(23), dt.UTC)
    for region in synthetic.REGIONS:
        derive(year.store, region=region, run_id="bench")
    with year.store.write("bench") as connection:
        connection.execute(
            "INSERT INTO region_state SELECT region, max(date), max(date), 1.0, 'bench', $now FROM ohlcv_data GROUP BY region",
            {"now": now},
        )
        means: pl.DataFrame = connection.sql(
            "SELECT ma200, ticker, region, timeframe, date::VARCHAR FROM technical_analysis "
            "WHERE timeframe = 'D' AND ma200 IS NOT NULL"
        ).pl()
    original.give_means(year.original, means.rows())
    year.store.publish({"replica_info": pa.table({"published_at": [now], "as_of": [now], "run_id": ["bench"]})})
    return year.store.home


@pytest.mark.parametrize("name", _FOUR)
def test_a_query_is_quick_when_warm_and_as_a_process(published: Path, year: Year, name: str) -> None:
    params, text, least = _FOUR[name]
    ours = resources.path("sql", "queries", f"{name}.sql").read_text(encoding="utf-8")
    watch = Stopwatch()
    peer = original.connect(year.original)
    with Store(published).read() as connection:
        for _ in range(_REPETITIONS):
            with watch.lap("original, warm"):
                theirs = peer.execute(text).fetchall()
            with watch.lap("spock, warm"):
                found = connection.execute(ours, params or None).fetchall()
    peer.close()
    assert _comparable(name, found) == _comparable(name, theirs)
    command = [Path(sys.executable).with_name("spock"), "sql", name, "--format", "ndjson"]
    command += [word for key, value in params.items() for word in ("--param", f"{key}={value}")]
    for _ in range(5):
        with watch.lap("spock, a process"):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SPOCK_HOME": str(published)})
    faster = watch.ratio("original, warm", "spock, warm")
    warm, cold = watch.median("spock, warm"), watch.median("spock, a process")
    bounds = f"warm {warm * 1e3:.0f} ms (at most 40), a process {cold * 1e3:.0f} ms (at most 250)"
    say(f"{name} at 2.23M", watch, f"{faster:.1f} times faster" + (f" (at least {least})" if least else ""), bounds)
    assert warm <= 0.040
    assert cold <= 0.250
    assert least is None or faster >= least


def _comparable(name: str, rows: list[tuple[Any, ...]]) -> Any:
    """What both systems must agree on: both were given the same bars and the same means."""
    match name:
        case "strength":
            scores = sorted(float(row[-2] if len(row) > 3 else row[2]) for row in rows)
            return [round(score, 4) for score in scores]
        case "counts":
            return sorted((row[0], row[1], row[2]) for row in rows)
        case _:
            return len(rows)
