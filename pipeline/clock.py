"""Domain time: read once, frozen for the run, and never asked of the machine in between.

In order of preference: the flag `--now`, the environment's `SPOCK_NOW`, the clock of the sandbox that is spoken to, the
wall clock.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from pipeline.errors import UsageError

Source = Literal["flag", "SPOCK_NOW", "sandbox", "wall"]


@dataclass(frozen=True)
class Clock:
    """The moment a run calls now: an aware UTC datetime, and where it came from."""

    now: datetime
    source: Source


def resolve(flag: str | None = None, sandbox: Callable[[], datetime | None] | None = None) -> Clock:
    """The run's clock: `flag` > `SPOCK_NOW` > `sandbox()` > wall clock.

    `sandbox` is asked only when neither text is given; it returns an aware datetime, or None when there is no sandbox.
    `UsageError` when a text can't be read; what `sandbox` raises passes through.
    """
    if flag is not None:
        return Clock(parse_now(flag, "--now"), "flag")
    text = os.environ.get("SPOCK_NOW", "").strip()
    if text:
        return Clock(parse_now(text, "SPOCK_NOW"), "SPOCK_NOW")
    moment = sandbox() if sandbox is not None else None
    if moment is not None:
        return Clock(moment.astimezone(UTC), "sandbox")
    return Clock(datetime.now(UTC), "wall")


def parse_now(text: str, origin: str = "now") -> datetime:
    """An ISO 8601 moment with its timezone as an aware UTC datetime; errors name the text as coming from `origin`."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UsageError(f"{origin} {text!r} is no moment: {_HOW}") from error
    if moment.tzinfo is None:
        raise UsageError(f"{origin} {text!r} has no timezone: {_HOW}")
    return moment.astimezone(UTC)


def parse_day(text: str, origin: str) -> date:
    """A day as YYYY-MM-DD; `UsageError` names the text as coming from `origin`."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{origin} {text!r} is no day: write it as YYYY-MM-DD, such as 2025-06-30") from None


_HOW = "write it in ISO 8601 with its timezone, such as 2026-11-20T21:00:00+09:00 or 2026-11-20T12:00:00Z"
