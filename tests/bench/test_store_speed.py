"""The store against the original's SQLite table, and against itself ten times larger. Ratios bind; seconds are printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import original
import polars as pl
import pytest
import synthetic
from conftest import DECADE, Year
from timing import Stopwatch, say

from pipeline.store import Committed, Store, commit_batch

pytestmark = pytest.mark.bench

_REPETITIONS = 9


def test_a_load_of_two_million_bars_is_ten_times_faster_than_the_original(year: Year) -> None:
    faster = year.watch.ratio("original, load", "spock, load")
    say(f"load of {synthetic.NIGHT_ROWS * 250:,} bars", year.watch, f"{faster:.1f} times faster (at least 10)")
    assert faster >= 10


def test_a_night_is_ten_times_faster_than_the_original(wide_year: Year) -> None:
    rows = synthetic.NIGHT_ROWS
    watch = Stopwatch()
    for number in range(1, _REPETITIONS + 1):
        bars = synthetic.night("US", number, tickers=rows)
        tuples = original.tuples(bars)
        with watch.lap("original, night"):
            _commit_original(wide_year.original, tuples)
        with watch.lap("spock, night"):
            done = _commit(wide_year.store, f"night-{number}", "US", bars)
        assert done == Committed(received=rows, stored=rows)
    faster = watch.ratio("original, night", "spock, night")
    say(f"night of {rows:,} bars at 2.23M, one commit", watch, f"{faster:.1f} times faster (at least 10)")
    assert faster >= 10


def test_a_night_region_by_region_is_faster_than_the_original(year: Year) -> None:
    """Six commits, each opening and closing its file: opening a DuckDB file costs more than writing a region's night."""
    watch = Stopwatch()
    for number in range(1, _REPETITIONS + 1):
        nights = {region: synthetic.night(region, number) for region in synthetic.REGIONS}
        tuples = [original.tuples(bars) for bars in nights.values()]
        with watch.lap("original, six regions"):
            for region_tuples in tuples:
                _commit_original(year.original, region_tuples)
        with watch.lap("spock, six regions"):
            for region, bars in nights.items():
                _commit(year.store, f"night-{region}-{number}", region, bars)
    faster = watch.ratio("original, six regions", "spock, six regions")
    say(f"night of {synthetic.NIGHT_ROWS:,} bars at 2.23M, six commits", watch, f"{faster:.1f} times faster")
    assert faster >= 1


def test_a_night_takes_no_longer_in_a_store_ten_times_larger(year: Year, decade: Store) -> None:
    """All six regions in one transaction, so that opening and closing the file weigh as little as they can."""
    watch = Stopwatch()
    for number in range(_REPETITIONS + 1, 2 * _REPETITIONS + 1):
        batches = [
            synthetic.batch(f"night-{region}-{number}", region, synthetic.night(region, number)) for region in synthetic.REGIONS
        ]
        for name, store in {"spock, night at 2.23M": year.store, "spock, night at 22.3M": decade}.items():
            with watch.lap(name), store.write("bench") as connection:
                done = sum((commit_batch(connection, batch) for batch in batches), Committed())
            assert done.stored == synthetic.NIGHT_ROWS
    slower = watch.ratio("spock, night at 22.3M", "spock, night at 2.23M")
    say(f"night of {synthetic.NIGHT_ROWS:,} bars in a larger store", watch, f"{slower:.2f} times as long (at most 1.5)")
    assert slower <= 1.5


def test_restating_an_old_session_in_a_large_store_stays_small(decade: Store) -> None:
    session = synthetic.old_session(DECADE)
    script = Path(__file__).with_name("restate.py")
    ran = subprocess.run(
        [sys.executable, str(script), str(decade.home), session.isoformat()], check=True, capture_output=True, text=True
    )
    told = json.loads(ran.stdout)
    watch = Stopwatch()
    for seconds in told["seconds"]:
        watch.add("spock, restate a region", seconds)
    grown = f"file grew by {told['grown_mb']:.0f} MB"
    say(f"restating {session} at 22.3M", watch, f"peak memory {told['peak_mb']:.0f} MB (at most 600), {grown}")
    assert told["revised"] == synthetic.NIGHT_ROWS
    assert told["peak_mb"] <= 600


def _commit(store: Store, batch_id: str, region: str, bars: pl.DataFrame) -> Committed:
    with store.write("bench") as connection:
        return commit_batch(connection, synthetic.batch(batch_id, region, bars))


def _commit_original(path: Path, bars: list[original.Row]) -> None:
    connection = original.connect(path)
    connection.execute("BEGIN")
    original.insert(connection, bars)
    connection.execute("COMMIT")
    connection.close()
