"""Where a run's now comes from, and that it is an aware UTC moment."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline import clock
from pipeline.errors import UsageError

KST = timezone(timedelta(hours=9))
SANDBOX_NOW = datetime(2026, 1, 5, 21, tzinfo=KST)


def sandbox() -> datetime:
    return SANDBOX_NOW


def unreachable() -> datetime:
    raise AssertionError("the sandbox must not be asked")


@pytest.fixture(autouse=True)
def no_clock_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOCK_NOW", raising=False)


def test_the_flag_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_NOW", "2026-02-02T00:00:00Z")
    resolved = clock.resolve("2026-11-20T21:00:00+09:00", unreachable)
    assert resolved == clock.Clock(datetime(2026, 11, 20, 12, tzinfo=UTC), "flag")
    assert resolved.now.tzinfo is UTC


def test_the_environment_comes_before_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_NOW", "2026-02-02T00:00:00Z")
    assert clock.resolve(None, unreachable) == clock.Clock(datetime(2026, 2, 2, tzinfo=UTC), "SPOCK_NOW")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_NOW", " ")
    assert clock.resolve(None, sandbox).source == "sandbox"


def test_the_sandbox_comes_before_the_wall() -> None:
    resolved = clock.resolve(None, sandbox)
    assert resolved == clock.Clock(datetime(2026, 1, 5, 12, tzinfo=UTC), "sandbox")
    assert resolved.now.tzinfo is UTC


@pytest.mark.parametrize("ask", [None, lambda: None])
def test_the_wall_clock_is_last(ask: None) -> None:
    before = datetime.now(UTC)
    resolved = clock.resolve(None, ask)
    assert resolved.source == "wall"
    assert before <= resolved.now <= datetime.now(UTC)


def test_a_clock_is_frozen() -> None:
    resolved = clock.resolve("2026-11-20T12:00:00Z")
    with pytest.raises(FrozenInstanceError):
        resolved.now = SANDBOX_NOW  # type: ignore[misc]


@pytest.mark.parametrize("text", ["2026-11-20T21:00:00", "2026-11-20"])
def test_a_moment_without_a_timezone_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=rf"--now '{text}' has no timezone: write it in ISO 8601"):
        clock.resolve(text)


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01T00:00:00Z"])
def test_a_text_that_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no moment: write it in ISO 8601 .* 2026-11-20T21:00:00\+09:00"):
        clock.parse_now(text)


def test_an_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOCK_NOW", "noon")
    with pytest.raises(UsageError, match="SPOCK_NOW 'noon'"):
        clock.resolve()
