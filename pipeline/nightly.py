"""What a command does with regions: one run each, then one publish for all.

Every region ends with a result, whatever became of it: an `Outcome`, or why there is none (`NoOutcome`). The exit code is
the worst of them: 1 failed, 3 below coverage or too early, 0 complete.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import calendars, report, settings
from pipeline.calendars import VenueCalendar
from pipeline.clock import Clock
from pipeline.collect import plan as planning
from pipeline.collect.plan import Plan
from pipeline.collect.sessions import target_session, unfinished_session
from pipeline.errors import CalendarUnknown, SpockError, StoreError, TooEarly, UsageError
from pipeline.outcome import Outcome, Task
from pipeline.progress import Progress
from pipeline.run import Run
from pipeline.settings import RegionConfig
from pipeline.state import State
from pipeline.store import Store
from pipeline.store.file import rows

#: How often a waiting night looks at its clock (seconds).
_LOOK_EVERY = 30.0
_PUBLISH = "publish"


@dataclass(frozen=True)
class NoOutcome:
    """A region that came to no run, or whose run (`run_id`) broke: `status` too_early or failed, and why."""

    region: str
    status: str
    error: str
    retry_at: dt.datetime | None = None
    run_id: str | None = None
    requests: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; the figures of a run that never was are zero."""
        return {
            "run_id": self.run_id,
            "region": self.region,
            "status": self.status,
            "sessions": 0,
            "tickers": 0,
            "rows": 0,
            "explained": 0,
            "refused": 0,
            "coverage": 0.0,
            "requests": dict(self.requests),
            "seconds": 0.0,
            "error": self.error,
            "retry_at": None if self.retry_at is None else self.retry_at.isoformat(),
        }


Result = Outcome | NoOutcome


class Nights:
    """Runs of one home: `clock` is frozen, `progress` hears what happens."""

    def __init__(self, home: Path, clock: Clock, progress: Progress | None = None) -> None:
        self.home = home
        self.clock = clock
        self.progress = progress or Progress()
        self.state = State(home)

    def nightly(
        self,
        regions: Sequence[str],
        *,
        date: dt.date | None = None,
        wait: bool = False,
        look: Callable[[], Clock] | None = None,
    ) -> list[Result]:
        """One night for each region: what is missing up to its newest final session, or for `date`.

        With `wait`, a night that is too early waits until `look()` says that its session is final.
        """
        configs = self._configs(regions)
        return self._each(configs, lambda config: self._night(config, date, look if wait else None))

    def backfill(self, ranges: Sequence[tuple[str, dt.date, dt.date]]) -> list[Result]:
        """History of each (region, first day, last day), both days included."""
        configs = self._configs([region for region, _, _ in ranges])
        spans = {settings.resolve_region(region): (first, until) for region, first, until in ranges}
        return self._each(configs, lambda config: self._worked(config, backfill_task(config, *spans[config.region])))

    def plan(self, regions: Sequence[str], date: dt.date | None = None) -> list[Plan]:
        """The request budget of a night for each region; nothing is asked and nothing changes."""
        return [self._planned(config, date) for config in self._configs(regions)]

    def publish(self, run_ids: Sequence[str]) -> Path:
        """A new replica with the operations tables as they are now; marks the runs as published."""
        info = {
            "published_at": [dt.datetime.now(dt.UTC)],
            "as_of": [self.clock.now if run_ids else self._as_of()],
            "run_id": [run_ids[-1] if run_ids else None],
        }
        with ExitStack() as stages:
            for run_id in run_ids:
                stages.enter_context(self.state.stage(run_id, _PUBLISH))
            store = self.store(settings.get_config(settings.available_regions()[0]))
            return store.publish({**self.state.operations(), "replica_info": pa.table(info)})

    def _as_of(self) -> dt.datetime:
        """When the newest run saw the world: a replica published by hand knows nothing later."""
        newest = self.state.runs(limit=1)
        return dt.datetime.fromisoformat(newest[0]["as_of"]) if newest else self.clock.now

    def publish_and_tell(self, ended: Mapping[str, tuple[str, dt.date | None]]) -> set[str]:
        """One replica for the runs that none shows yet, and an event for each; returns those runs.

        `ended`: region and newest session by run, in the order the runs ended.
        """
        fresh = {run_id: told for run_id, told in ended.items() if not self.published(run_id)}
        if fresh:
            replica = self.publish(list(fresh))
            for run_id, (region, newest) in fresh.items():
                detail = {"replica": replica.name, "target_session": newest}
                self.state.emit("region_published", region, run_id=run_id, detail=detail)
        return set(fresh)

    def published(self, run_id: str) -> bool:
        """Whether a replica shows the run as it last ended."""
        stages = {stage["stage"]: stage["status"] for stage in self.state.stages(run_id)}
        return stages.get(_PUBLISH) == "complete"

    def store(self, config: RegionConfig) -> Store:
        """The home's store, opened as the region's settings say."""
        return Store(
            self.home,
            lock_wait_seconds=config.store.lock_wait_seconds,
            replicas=config.store.replicas,
            memory_limit=config.store.memory_limit,
            say=self.progress.say,
        )

    def require_on(self, config: RegionConfig) -> None:
        """`UsageError` for a region that the state or, where that says nothing, the settings call off."""
        try:
            statuses = self.state.region_statuses() if self.state.path.exists() else {}
        except StoreError:
            statuses = {}  # whatever is done for the region meets the same error, and says so for it
        if statuses.get(config.region, config.status) == "off":
            raise UsageError(
                f"region {config.region} is off: set SPOCK_REGIONS__{config.region}__STATUS=test (or status in "
                "settings.toml) once there is a calendar for its venues and, for nights, an adapter for its providers"
            )

    # one region -------------------------------------------------------------------------------------------------------

    def _each(self, configs: Sequence[RegionConfig], work: Callable[[RegionConfig], Result]) -> list[Result]:
        results: list[Result] = []
        for config in configs:
            try:
                results.append(work(config))
            except TooEarly as error:
                results.append(NoOutcome(config.region, "too_early", str(error), error.retry_at))
            except UsageError:
                self._publish_what_is_new(results)
                raise
            except SpockError as error:
                results.append(NoOutcome(config.region, "failed", str(error)))
        try:
            self._publish_what_is_new(results)
        except StoreError as error:
            # What was collected is safe, but no reader sees it: no region has succeeded.
            words = f"not published: {error}"
            results = [replace(one, status="failed", error=words) if isinstance(one, Outcome) else one for one in results]
        return results

    def _night(
        self, config: RegionConfig, date: dt.date | None, look: Callable[[], Clock] | None
    ) -> Result:
        if look is not None:
            self._wait(config, date, look)
        target = target_session(config, self.clock.now, date)
        outcome = self._worked(config, self._night_task(config, target))
        unfinished = unfinished_session(config, self.clock.now) if date is None else None
        if unfinished is None or isinstance(outcome, NoOutcome):
            return outcome
        status = "too_early" if outcome.status == "complete" else outcome.status
        return replace(outcome, status=status, error=str(unfinished), retry_at=unfinished.retry_at)

    def _night_task(self, config: RegionConfig, target: dt.date) -> Task:
        standing = self.store(config).look(
            lambda connection: rows(connection, "store/region_state", region=config.region)
        )
        return Task("night", config.region, self._first(config, target, standing[0][0] if standing else None), target)

    def _first(self, config: RegionConfig, target: dt.date, last_complete: dt.date | None) -> dt.date:
        """A night that was cut off goes on with its own range."""
        run = self.state.run(f"{config.region}-night-{target}")
        if run is not None:
            return dt.date.fromisoformat(run["first_session"])
        return planning.night_range(config, target, last_complete)

    def _worked(self, config: RegionConfig, task: Task) -> Result:
        run = Run(
            task,
            config,
            self.store(config),
            self.state,
            clock=self.clock,
            origin=settings.origin(),
            progress=self.progress,
        )
        try:
            return run.work()
        except UsageError:
            raise
        except SpockError as error:
            return NoOutcome(config.region, "failed", str(error), run_id=task.run_id, requests=run.requests)

    def _wait(self, config: RegionConfig, date: dt.date | None, look: Callable[[], Clock]) -> None:
        told = False
        while True:
            try:
                target_session(config, self.clock.now, date)
                early = unfinished_session(config, self.clock.now) if date is None else None
            except TooEarly as error:
                early = error
            if early is None:
                return
            if self.clock.source in ("flag", "SPOCK_NOW"):
                raise UsageError(f"--wait: the clock is frozen by {self.clock.source}, so the time never comes: {early}")
            if not told:
                self.progress.say(f"waiting: {early}")
                told = True
            left = (early.retry_at - self.clock.now).total_seconds()
            # A sandbox's clock is moved by hand, so it is looked at often; the wall clock only runs.
            time.sleep(0.2 if self.clock.source == "sandbox" else min(max(left, 0.2), _LOOK_EVERY))
            self.clock = look()

    def _planned(self, config: RegionConfig, date: dt.date | None) -> Plan:
        store = self.store(config)
        target = target_session(config, self.clock.now, date)
        if not store.exists():
            first = planning.night_range(config, target, None)
            return planning.unknown(config, first, target, self.clock.now)
        task = self._night_task(config, target)
        return store.look(
            lambda connection: planning.make_plan(
                connection, config, first=task.first, target=target, now=self.clock.now, night=True
            )
        )

    def _publish_what_is_new(self, results: Sequence[Result]) -> None:
        outcomes = [result for result in results if isinstance(result, Outcome)]
        fresh = self.publish_and_tell({one.run_id: (one.region, one.target_session) for one in outcomes})
        for outcome in outcomes:
            if outcome.run_id in fresh or not report.path(self.home, outcome).exists():
                report.write(self.home, outcome)

    # small things -----------------------------------------------------------------------------------------------------

    def _configs(self, regions: Sequence[str]) -> list[RegionConfig]:
        configs = [settings.get_config(region) for region in dict.fromkeys(map(settings.resolve_region, regions))]
        for config in configs:
            self.require_on(config)
        return configs


def backfill_task(config: RegionConfig, first: dt.date, until: dt.date) -> Task:
    """A backfill keyed by the sessions its range holds; `UsageError` for a range without any."""
    calendar = calendars.calendar(config.venues[0].calendar)
    sessions = calendar.sessions(first, until)
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
        last = parse_date("--until", until)
        if last > newest:
            raise UsageError(
                f"--until {last}: the newest final session of {config.region} is {newest}: give that day or an earlier one"
            )
    calendar = calendars.calendar(config.venues[0].calendar)
    if last < calendar.first:
        raise UsageError(_before_the_calendar("--until", last, config, calendar))
    if days is not None:
        if days < 1:
            raise UsageError(f"--days {days}: give 1 or more sessions")
        return _sessions_back(config, "--days", days, last), last
    if first is None:
        raise UsageError("a backfill needs --days N or --from DATE")
    if first > last:
        end = f"--until {until}" if until is not None else f"the newest final session of {config.region}"
        raise UsageError(f"--from {first} is after {last} ({end}): give a day up to then")
    if first < calendar.first:
        raise UsageError(_before_the_calendar("--from", first, config, calendar))
    return first, last


def _sessions_back(config: RegionConfig, flag: str, count: int, last: dt.date) -> dt.date:
    try:
        return calendars.calendar(config.venues[0].calendar).window(count, last)[0]
    except CalendarUnknown as error:
        raise UsageError(f"{config.region}: {flag}: {error}") from error


def _before_the_calendar(flag: str, day: dt.date, config: RegionConfig, calendar: VenueCalendar) -> str:
    return f"{flag} {day}: the calendar of {config.region} begins on {calendar.first}: give that day or a later one"


def parse_date(flag: str, text: str) -> dt.date:
    """A day as YYYY-MM-DD; `UsageError` names the flag and the text."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{flag} {text!r} is no day: write it as YYYY-MM-DD, such as 2025-06-30") from None


def exit_code(results: Sequence[Result]) -> int:
    """The worst of the results: 1 failed, then 3 below coverage or too early, else 0."""
    statuses = {result.status for result in results}
    if "failed" in statuses:
        return 1
    return 3 if statuses - {"complete"} else 0

