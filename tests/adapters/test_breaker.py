"""The breaker on a real file; its clock is moved by editing the file, as time would."""

from __future__ import annotations

import datetime as dt
import multiprocessing
from pathlib import Path

import pytest

from adapters.breaker import PROBE_SECONDS, Breaker
from adapters.machine import NS, MachineState
from pipeline.errors import Unavailable


def breaker(folder: Path, key: str = "key", capability: str = "history") -> Breaker:
    return Breaker(folder, key, capability, failures=3, seconds=30.0)


def opened(folder: Path) -> Breaker:
    found = breaker(folder)
    for _ in range(3):
        found.failure("HTTP 502")
    return found


def pass_time(folder: Path, seconds: float) -> None:
    """Let the instants in the file be `seconds` further back."""
    text = "UPDATE breaker SET opened_at = opened_at - :ns, probe_at = probe_at - :ns"
    state = MachineState(folder)
    state.run(lambda db: db.execute(text, {"ns": round(seconds * NS)}))
    state.close()


def admitted(folder: Path) -> bool:
    """Whether a process of its own gets through."""
    try:
        breaker(folder).check()
    except Unavailable:
        return False
    return True


def test_it_lets_everything_through_while_requests_succeed(tmp_path: Path) -> None:
    found = breaker(tmp_path)
    found.check()
    found.success()
    assert found.state() == "closed"


def test_it_opens_after_consecutive_failures_and_says_why_and_until_when(tmp_path: Path) -> None:
    found = opened(tmp_path)
    assert found.state() == "open"
    with pytest.raises(Unavailable, match=r"history: not asked, the last requests failed \(HTTP 502\)") as caught:
        found.check()
    assert caught.value.retry_at is not None
    remaining = (caught.value.retry_at - dt.datetime.now(dt.UTC)).total_seconds()
    assert remaining == pytest.approx(30.0, abs=1.0)


def test_a_success_in_between_starts_the_count_anew(tmp_path: Path) -> None:
    found = breaker(tmp_path)
    for _ in range(4):
        found.failure("HTTP 502")
        found.failure("HTTP 502")
        found.success()
    assert found.state() == "closed"


def test_capabilities_and_keys_fail_on_their_own(tmp_path: Path) -> None:
    opened(tmp_path)
    assert breaker(tmp_path, capability="index").state() == "closed"
    assert breaker(tmp_path, key="other").state() == "closed"


def test_after_its_time_one_probe_goes_and_its_success_closes(tmp_path: Path) -> None:
    found = opened(tmp_path)
    pass_time(tmp_path, 30.0)
    assert found.state() == "half_open"
    found.check()
    with pytest.raises(Unavailable):
        breaker(tmp_path).check()
    found.success()
    assert breaker(tmp_path).state() == "closed"


def test_a_failed_probe_opens_it_again(tmp_path: Path) -> None:
    found = opened(tmp_path)
    pass_time(tmp_path, 30.0)
    found.check()
    found.failure("silence")
    assert found.state() == "open"
    with pytest.raises(Unavailable, match="silence"):
        found.check()


def test_late_failures_of_requests_sent_before_do_not_prolong_it(tmp_path: Path) -> None:
    found = opened(tmp_path)
    pass_time(tmp_path, 29.0)
    found.failure("a straggler")
    pass_time(tmp_path, 1.0)
    assert found.state() == "half_open"


def test_a_probe_that_was_never_sent_gives_its_turn_back(tmp_path: Path) -> None:
    found = opened(tmp_path)
    pass_time(tmp_path, 30.0)
    found.check()
    found.forget()
    assert admitted(tmp_path)


def test_a_probe_that_died_is_forgotten_after_a_while(tmp_path: Path) -> None:
    opened(tmp_path)
    pass_time(tmp_path, 30.0)
    assert admitted(tmp_path)
    pass_time(tmp_path, PROBE_SECONDS - 1.0)
    assert not admitted(tmp_path)
    pass_time(tmp_path, 1.0)
    assert admitted(tmp_path)


def test_of_several_processes_one_probes(tmp_path: Path) -> None:
    opened(tmp_path)
    pass_time(tmp_path, 30.0)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(admitted, [tmp_path] * 6).count(True) == 1
