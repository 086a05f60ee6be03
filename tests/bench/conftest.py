"""The databases that the benchmarks share: 2.23M bars in both systems, 22.3M in ours."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import original
import polars as pl
import synthetic
from timing import Stopwatch

from pipeline.store import Committed, Store, commit_batch

LOAD_REPETITIONS = 3
YEAR = 250
DECADE = 2_500

# A batch of the long history: 300 tickers × 2,500 sessions, as a backfill by ticker leaves them in the file.
_SLICE = 300


@dataclass(frozen=True)
class Year:
    """2.23M bars, loaded into both systems in turns: the times, and the files of the last repetition."""

    watch: Stopwatch
    store: Store
    original: Path


@pytest.fixture(scope="session")
def room() -> Iterator[Path]:
    """A folder of gigabytes that goes away at the end, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="spock-bench-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def year(room: Path) -> Year:
    """Both systems with 250 sessions of 8,908 tickers."""
    bars = {region: synthetic.history(region, YEAR) for region in synthetic.REGIONS}
    watch = Stopwatch()
    for repetition in range(LOAD_REPETITIONS):
        peer = room / f"original-{repetition}.sqlite"
        store = Store(room / f"year-{repetition}")
        watch.add("original, load", _load_original(peer, bars.values()))
        watch.add("spock, load", _load(store, bars))
        if repetition + 1 < LOAD_REPETITIONS:
            peer.unlink()
            store.path.unlink()
    return Year(watch, store, peer)


@pytest.fixture(scope="session")
def wide_year(room: Path) -> Year:
    """As many bars in one region of 8,908 listings: a night is one batch, and each of its rows follows a bar that stands."""
    bars = synthetic.history("US", YEAR, range(synthetic.NIGHT_ROWS))
    peer = room / "original-wide.sqlite"
    store = Store(room / "wide")
    watch = Stopwatch()
    watch.add("original, load", _load_original(peer, [bars]))
    watch.add("spock, load", _load(store, {"US": bars}))
    return Year(watch, store, peer)


@pytest.fixture(scope="session")
def decade(room: Path) -> Store:
    """Our store with 2,500 sessions of 8,908 tickers: 22.3M bars."""
    store = Store(room / "decade")
    for region in synthetic.REGIONS:
        for tickers in synthetic.slices(region, _SLICE):
            bars = synthetic.history(region, DECADE, tickers)
            with store.write("bench") as connection:
                commit_batch(connection, synthetic.batch(f"{region}-{tickers.start}", region, bars))
    return store


def _load(store: Store, bars: Mapping[str, pl.DataFrame]) -> float:
    """Seconds to open, commit a batch a region in one transaction, and close; making the empty file is not counted."""
    with store.write("create"):
        pass
    started = time.perf_counter()
    with store.write("bench") as connection:
        batches = (synthetic.batch(f"history-{region}", region, frame) for region, frame in bars.items())
        done = sum((commit_batch(connection, batch) for batch in batches), Committed())
    seconds = time.perf_counter() - started
    assert done.stored == synthetic.NIGHT_ROWS * YEAR
    return seconds


def _load_original(path: Path, bars: Iterable[pl.DataFrame]) -> float:
    """Seconds for the same in the original's table; making tuples and the empty file is not counted."""
    original.create(path)
    started = time.perf_counter()
    connection = original.connect(path)
    connection.execute("BEGIN")
    seconds = time.perf_counter() - started
    for frame in bars:
        tuples = original.tuples(frame)
        started = time.perf_counter()
        original.insert(connection, tuples)
        seconds += time.perf_counter() - started
    started = time.perf_counter()
    connection.execute("COMMIT")
    connection.close()
    return seconds + time.perf_counter() - started
