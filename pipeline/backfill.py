"""Which sessions a backfill is for: the words of the command line as a range, and the range as a task."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pipeline.clock import parse_day
from pipeline.collect.sessions import RegionSessions, target_session
from pipeline.errors import CalendarUnknown, UsageError
from pipeline.outcome import Task

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig


def backfill_task(config: RegionConfig, first: dt.date, until: dt.date) -> Task:
    """A backfill keyed by the sessions its range holds; `UsageError` for a range without any."""
    sessions = RegionSessions(config).between(first, until)
    if not sessions:
        raise UsageError(f"{config.region}: no session from {first} to {until}: give a range that holds one")
    return Task("backfill", config.region, sessions[0], sessions[-1])


def backfill_range(
    config: RegionConfig, now: dt.datetime, *, days: int | None, first: dt.date | None, until: str | None
) -> tuple[dt.date, dt.date]:
    """First and last day of `--days N | --from DATE [--until DATE|-N]`; days are sessions, -N is N sessions back.

    `UsageError` in words for a range that is empty, in the future, or not final yet.
    """
    newest = target_session(config, now, None)
    last = newest
    if until is not None and until.startswith("-") and until[1:].isdigit():
        last = _sessions_back(config, "--until", int(until[1:]) + 1, newest)
    elif until is not None:
        last = parse_day(until, "--until")
        if last > newest:
            raise UsageError(
                f"--until {last}: the newest final session of {config.region} is {newest}: give that day or an earlier one"
            )
    begins = RegionSessions(config).first
    if last < begins:
        raise UsageError(_before_the_calendar("--until", last, config, begins))
    if days is not None:
        if days < 1:
            raise UsageError(f"--days {days}: give 1 or more sessions")
        return _sessions_back(config, "--days", days, last), last
    if first is None:
        raise UsageError("a backfill needs --days N or --from DATE")
    if first > last:
        end = f"--until {until}" if until is not None else f"the newest final session of {config.region}"
        raise UsageError(f"--from {first} is after {last} ({end}): give a day up to then")
    if first < begins:
        raise UsageError(_before_the_calendar("--from", first, config, begins))
    return first, last


def _sessions_back(config: RegionConfig, flag: str, count: int, last: dt.date) -> dt.date:
    try:
        return RegionSessions(config).window(count, last)[0]
    except CalendarUnknown as error:
        raise UsageError(f"{config.region}: {flag}: {error}") from error


def _before_the_calendar(flag: str, day: dt.date, config: RegionConfig, begins: dt.date) -> str:
    return f"{flag} {day}: the calendar of {config.region} begins on {begins}: give that day or a later one"
