"""The limiter against real processes, threads and files; windows are counted by a server of its own, at accept."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from adapters import machine
from adapters.limiter import PAD, Limit, Limiter, LimiterUsage
from adapters.machine import NS, MachineState, monotonic_ns
from pipeline.errors import StoreReadOnly

SPAWN = multiprocessing.get_context("spawn")
_barrier: Barrier | None = None


@contextmanager
def counting_server() -> Iterator[tuple[int, list[float]]]:
    """A port, and the instants at which connections were accepted there."""
    accepted: list[float] = []
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                accepted.append(time.monotonic())
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], accepted
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def knock(folder: Path, limits: Sequence[Limit], threads: int, between: tuple[float, float], port: int | None) -> int:
    """Take slots between two monotonic instants, with one connection to `port` for each; how many."""
    start, until = between
    limiter = Limiter(folder, "key", limits)

    def run() -> int:
        taken = 0
        while True:
            limiter.acquire()
            if time.monotonic() >= until:
                return taken
            taken += 1
            if port is not None:
                socket.create_connection(("127.0.0.1", port)).close()

    time.sleep(max(0.0, start - time.monotonic()))
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: run(), range(threads)))


def knock_from_processes(
    folder: Path, limits: Sequence[Limit], threads: int, seconds: float, port: int | None
) -> list[int]:
    """`knock` in three processes that begin together, however long each took to start; what each took."""
    with SPAWN.Pool(3, initializer=_meet_at, initargs=(SPAWN.Barrier(3),)) as pool:
        return pool.starmap(_knock_together, [(folder, limits, threads, seconds, port)] * 3)


def _meet_at(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 (a pool's processes have no other place for it)
    _barrier = barrier


def _knock_together(folder: Path, limits: Sequence[Limit], threads: int, seconds: float, port: int | None) -> int:
    assert _barrier is not None
    _barrier.wait(timeout=30)
    start = time.monotonic() + 0.05
    return knock(folder, limits, threads, (start, start + seconds), port)


def largest_window(instants: Sequence[float], seconds: float) -> int:
    """Most instants in any window of `seconds`."""
    ordered = sorted(instants)
    return max(sum(1 for later in ordered[i:] if later < first + seconds) for i, first in enumerate(ordered))


def remember(folder: Path, key: str, ages: Sequence[float]) -> None:
    """Slots of `key` taken so many seconds ago."""
    Limiter(folder, key, [Limit(1, 1)]).usage()
    state, now = MachineState(folder), monotonic_ns()
    rows = [(key, now - round(age * NS)) for age in ages]
    state.run(lambda db: db.executemany("INSERT INTO slot (key, at) VALUES (?, ?)", rows))
    state.close()


def test_three_processes_together_stay_within_the_limit_and_use_most_of_it(tmp_path: Path) -> None:
    with counting_server() as (port, accepted):
        taken = knock_from_processes(tmp_path, [Limit(50, 1.0)], 4, 2.0, port)
    assert largest_window(accepted, 1.0) <= 50
    assert sum(taken) >= 90
    assert min(taken) >= 0.6 * max(taken)


def test_the_longer_limit_holds_when_the_shorter_one_has_room(tmp_path: Path) -> None:
    limits = [Limit(20, 0.2), Limit(30, 1.0)]
    with counting_server() as (port, accepted):
        knock(tmp_path, limits, 4, (time.monotonic(), time.monotonic() + 1.5), port)
    assert largest_window(accepted, 0.2) <= 20
    assert largest_window(accepted, 1.0) <= 30
    assert len(accepted) >= 40


def test_hammering_from_many_threads_and_processes_never_meets_a_locked_database(tmp_path: Path) -> None:
    taken = knock_from_processes(tmp_path, [Limit(100_000, 1.0)], 8, 0.5, None)
    assert min(taken) > 0


def test_slots_are_spaced_evenly(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(50, 1.0)])
    instants = []
    for _ in range(10):
        limiter.acquire()
        instants.append(time.monotonic())
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    assert sum(gaps) >= 9 * (1 + PAD) / 50 - 0.01


def test_without_limits_nothing_waits_and_no_file_is_touched(tmp_path: Path) -> None:
    folder = tmp_path / "never made"
    limiter = Limiter(folder, "key", ())
    limiter.complain()
    assert (limiter.acquire(), limiter.renew(), limiter.usage()) == (0.0, 0.0, LimiterUsage(0, 0, 1.0))
    assert not folder.exists()


@pytest.mark.parametrize(("requests", "seconds"), [(0, 1.0), (5, 0.0), (5, -1.0), (5, float("nan"))])
def test_a_limit_that_means_nothing_is_refused(requests: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="both must be above zero"):
        Limit(requests, seconds)


def test_keys_do_not_share_their_limits(tmp_path: Path) -> None:
    first, second = (Limiter(tmp_path, key, [Limit(1, 60.0)]) for key in ("one", "two"))
    assert first.acquire() < 0.1
    assert second.acquire() < 0.1


def test_two_limiters_of_one_key_share_their_limit(tmp_path: Path) -> None:
    first, second = (Limiter(tmp_path, "key", [Limit(1, 0.3)]) for _ in range(2))
    first.acquire()
    assert second.acquire() >= 0.3


def test_usage_counts_the_last_second_and_minute_of_everybody(tmp_path: Path) -> None:
    remember(tmp_path, "key", [0.1, 0.5, 2.0, 30.0, 70.0])
    assert Limiter(tmp_path, "key", [Limit(18, 1.0)]).usage() == LimiterUsage(2, 4, 1.0)


def test_a_complaint_pauses_everybody_and_slows_the_pace(tmp_path: Path) -> None:
    limiter, other = (Limiter(tmp_path, "key", [Limit(100, 1.0)]) for _ in range(2))
    limiter.complain(pause=0.3)
    assert other.acquire() >= 0.3
    assert other.usage().pace == pytest.approx(0.7, abs=0.01)


def test_complaints_of_one_burst_count_once(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(100, 1.0)])
    for _ in range(8):
        limiter.complain(pause=0.3)
    assert limiter.usage().pace == pytest.approx(0.7, abs=0.01)


def test_a_complaint_also_holds_back_those_who_already_have_a_slot(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(1, 0.2)])
    limiter.acquire()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(limiter.acquire)
        time.sleep(0.05)
        limiter.complain(pause=0.6)
        assert waiting.result() >= 0.6


def test_the_pace_recovers_by_and_by(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(100, 1.0)])
    limiter.complain()
    state = MachineState(tmp_path)
    ago = monotonic_ns() - 20 * NS
    state.run(lambda db: db.execute("UPDATE pace SET changed_at = ?, pause_until = ?", (ago, ago)))
    assert limiter.usage().pace == pytest.approx(0.7 * 1.01**20, abs=0.01)
    ago -= 40 * NS
    state.run(lambda db: db.execute("UPDATE pace SET changed_at = ?, pause_until = ?", (ago, ago)))
    assert limiter.usage().pace == 1.0


def test_a_slot_used_late_is_remembered_as_late(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(2, 1.0)])
    limiter.acquire()
    time.sleep(0.2)
    assert limiter.renew() < 0.1
    limiter.sent()
    used = monotonic_ns()
    (at,) = MachineState(tmp_path).run(lambda db: db.execute("SELECT max(at) FROM slot").fetchone())
    assert 0 <= used - at < 0.1 * NS


def test_a_late_slot_that_no_longer_fits_is_given_up_for_another(tmp_path: Path) -> None:
    late, next_one = (Limiter(tmp_path, "key", [Limit(1, 0.3)]) for _ in range(2))
    late.acquire()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(next_one.acquire)
        time.sleep(0.1)
        waited = late.renew()
        assert other.result() >= 0.3
    assert waited >= 0.5


def test_a_damaged_state_file_is_made_anew_as_if_the_window_were_full(tmp_path: Path) -> None:
    (tmp_path / machine.FILE).write_bytes(b"not a database" * 500)
    limiter = Limiter(tmp_path, "key", [Limit(5, 0.5)])
    assert limiter.acquire() >= 0.5 / 5
    assert limiter.usage().last_second >= 5
    assert (tmp_path / f"{machine.FILE}.damaged").exists()


def test_a_state_file_overwritten_while_in_use_does_not_free_the_window(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(1, 0.5)])
    limiter.acquire()
    for name in (machine.FILE, f"{machine.FILE}-wal"):
        (tmp_path / name).write_bytes(b"\xff" * 9000)
    assert limiter.acquire() >= 0.5


def test_a_state_file_removed_while_in_use_does_not_free_the_window(tmp_path: Path) -> None:
    limiter = Limiter(tmp_path, "key", [Limit(1, 0.5)])
    limiter.acquire()
    for name in os.listdir(tmp_path):
        (tmp_path / name).unlink()
    assert limiter.acquire() >= 0.5


def test_a_truncated_state_file_counts_as_full(tmp_path: Path) -> None:
    (tmp_path / machine.FILE).write_bytes(b"")
    assert Limiter(tmp_path, "key", [Limit(1, 0.3)]).acquire() >= 0.3


def test_a_first_use_waits_for_nothing(tmp_path: Path) -> None:
    assert Limiter(tmp_path / "state" / "spock", "key", [Limit(1, 60.0)]).acquire() < 0.2


def test_slots_of_an_older_boot_neither_block_nor_allow_a_burst(tmp_path: Path) -> None:
    remember(tmp_path, "key", [0.0, -5000.0])
    with sqlite3.connect(tmp_path / machine.FILE) as db:
        db.execute("UPDATE machine SET boot = 'an older one'")
    db.close()
    machine._states.clear()
    limiter = Limiter(tmp_path, "key", [Limit(2, 0.4)])
    assert limiter.acquire() < 0.3
    state = MachineState(tmp_path)
    assert state.run(lambda db: db.execute("SELECT full_at FROM machine").fetchone()) == (0,)


def test_right_after_a_boot_the_window_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(tmp_path, "key", [])
    with sqlite3.connect(tmp_path / machine.FILE) as db:
        db.execute("UPDATE machine SET boot = 'an older one'")
    db.close()
    machine._states.clear()
    booted = monotonic_ns()
    for module in ("adapters.machine", "adapters.limiter"):
        monkeypatch.setattr(f"{module}.monotonic_ns", lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) - booted)
    assert Limiter(tmp_path, "key", [Limit(2, 0.6)]).acquire() >= 0.3 - 0.05


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    limiter = Limiter(tmp_path / "file" / "state", "key", [Limit(1, 1.0)])
    with pytest.raises(StoreReadOnly, match="SPOCK_STATE_DIR"):
        limiter.acquire()


def test_a_folder_shared_by_a_group_gets_files_the_group_can_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    Limiter(tmp_path, "key", [Limit(1, 1.0)]).acquire()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o660}
    assert {machine.FILE, machine.LOCK} <= set(modes)


def test_a_private_folder_keeps_its_files_private(tmp_path: Path) -> None:
    Limiter(tmp_path / "state", "key", [Limit(1, 1.0)]).acquire()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
