"""What a command does with regions: one run each, all at the same time, then one publish for all.

Every region ends with a result, whatever became of it: an `Outcome`, or why there is none (`NoOutcome`). The exit code is
the worst of them: 1 failed, 3 below coverage or too early, 0 complete. What a region can't be asked for (a day on which it
is closed, a clock past its calendar) is a result like others beside regions that can; where no region can, it is the
caller's `UsageError`.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import report, settings
from pipeline.backfill import backfill_task
from pipeline.clock import Clock
from pipeline.collect import plan as planning
from pipeline.collect.plan import Plan
from pipeline.collect.providers import frozen
from pipeline.collect.sessions import target_session, unfinished_session
from pipeline.errors import NotYet, SpockError, StoreError, TooEarly, Unavailable, UsageError
from pipeline.outcome import Outcome, Task
from pipeline.progress import Progress
from pipeline.run import Run
from pipeline.settings import RegionConfig
from pipeline.state import State
from pipeline.store import Store
from pipeline.store.file import rows

#: How often a waiting night looks at its clock (seconds).
_LOOK_EVERY = 30.0
#: How long a stopped command waits for its regions to stop where they are (seconds).
_LAST_WORDS = 10.0
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
    """Runs of one home: `clock` is frozen, `progress` hears what happens.

    Regions work at the same time, each in a thread of its own with its own `Progress.of`; what they share (the store's lock,
    the state, the adapters and their limits) is safe among threads as among processes.
    """

    def __init__(self, home: Path, clock: Clock, progress: Progress | None = None) -> None:
        self.home = home
        self.clock = clock
        self.progress = progress or Progress()
        self.state = State(home)
        self._stopping = threading.Event()

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

    def backfill(self, regions: Sequence[str], span: Callable[[RegionConfig], tuple[dt.date, dt.date]]) -> list[Result]:
        """History of each region for its `span`: the first and the last day, both included, or a `UsageError`."""
        return self._each(self._configs(regions), lambda config: self._backfill(config, *span(config)))

    def plan(self, regions: Sequence[str], date: dt.date | None = None) -> list[Plan]:
        """The request budget of a night for each region; nothing is asked and nothing changes."""
        return [self._planned(config, date) for config in self._configs(regions)]

    def publish(self, run_ids: Sequence[str]) -> Path:
        """A new replica with the operations tables as they are now; marks the runs as published."""
        info = {
            "published_at": [dt.datetime.now(dt.UTC)],
            "as_of": [self._as_of(run_ids)],
            "run_id": [run_ids[-1] if run_ids else None],
        }
        with ExitStack() as stages:
            for run_id in run_ids:
                stages.enter_context(self.state.stage(run_id, _PUBLISH))
            store = self.store(settings.get_config(settings.available_regions()[0]))
            return store.publish({**self.state.operations(), "replica_info": pa.table(info)})

    def _as_of(self, run_ids: Sequence[str]) -> dt.datetime:
        """When the newest of the runs saw the world; a replica published by hand knows no more than the newest run of all."""
        named = [run for run in map(self.state.run, run_ids) if run is not None]
        moments = [run["as_of"] for run in named or self.state.runs(limit=1)]
        return max(map(dt.datetime.fromisoformat, moments), default=self.clock.now)

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

    def store(self, config: RegionConfig, progress: Progress | None = None) -> Store:
        """The home's store, opened as the region's settings say; its waits are told to `progress`."""
        return Store(
            self.home,
            lock_wait_seconds=config.store.lock_wait_seconds,
            replicas=config.store.replicas,
            memory_limit=config.store.memory_limit,
            say=(progress or self.progress).say,
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
        """Work every region, then publish what is new; results in the order of `configs`.

        `UsageError` where every region met one, with the words of all.
        """
        ended: dict[str, Result | BaseException] = {}
        if len(configs) == 1:
            ended[configs[0].region] = _result(configs[0], work)
        else:
            self._at_once(configs, work, ended)
        refused = {region: end for region, end in ended.items() if isinstance(end, UsageError)}
        ended |= {region: _failed(region, error) for region, error in refused.items()}
        results = [end for config in configs if not isinstance(end := ended[config.region], BaseException)]
        broken = [end for config in configs if isinstance(end := ended[config.region], BaseException)]
        try:
            self._publish_what_is_new(results)
        except StoreError as error:
            # What was collected is safe, but no reader sees it: no region has succeeded.
            words = f"not published: {error}"
            results = [replace(one, status="failed", error=words) if isinstance(one, Outcome) else one for one in results]
        if broken:
            raise broken[0]
        if refused and len(refused) == len(configs):
            raise UsageError("\n".join(dict.fromkeys(str(refused[config.region]) for config in configs)))
        return results

    def _at_once(
        self,
        configs: Sequence[RegionConfig],
        work: Callable[[RegionConfig], Result],
        ended: dict[str, Result | BaseException],
    ) -> None:
        """A thread a region; `ended` takes what became of each. Ctrl-C stops them all between two answers."""

        def one(config: RegionConfig) -> None:
            try:
                ended[config.region] = _result(config, work)
            except BaseException as error:  # Ctrl-C or a defect of ours: the caller's thread raises it
                ended[config.region] = error

        # Daemons: one that waits for a provider must not keep a stopped command alive; a kill loses nothing either.
        threads = [threading.Thread(target=one, args=(config,), name=config.region, daemon=True) for config in configs]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self._stopping.set()
            until = time.monotonic() + _LAST_WORDS
            for thread in filter(threading.Thread.is_alive, threads):
                thread.join(max(0.0, until - time.monotonic()))
            raise

    def _night(
        self, config: RegionConfig, date: dt.date | None, look: Callable[[], Clock] | None
    ) -> Result:
        clock = self.clock if look is None else self._waited(config, date, look)
        target = target_session(config, clock.now, date)
        outcome = self._worked(config, self._night_task(config, target), clock)
        unfinished = unfinished_session(config, clock.now) if date is None else None
        if unfinished is None or isinstance(outcome, NoOutcome) or outcome.status == "failed":
            return outcome
        status = "too_early" if outcome.status == "complete" else outcome.status
        return replace(outcome, status=status, error=_come_back(unfinished), retry_at=unfinished.retry_at)

    def _backfill(self, config: RegionConfig, first: dt.date, until: dt.date) -> Result:
        return self._worked(config, backfill_task(config, first, until), self.clock)

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

    def _worked(self, config: RegionConfig, task: Task, clock: Clock) -> Result:
        progress = self.progress.of(config.region)
        run = Run(
            task,
            config,
            self.store(config, progress),
            self.state,
            clock=clock,
            origin=settings.origin(),
            progress=progress,
            stopped=self._stopping.is_set,
        )
        try:
            return run.work()
        except UsageError:
            raise
        except SpockError as error:
            return _failed(config.region, error, run_id=task.run_id, requests=run.requests)

    def _waited(self, config: RegionConfig, date: dt.date | None, look: Callable[[], Clock]) -> Clock:
        """The clock once the region's session is final."""
        clock, told = self.clock, False
        while True:
            try:
                target_session(config, clock.now, date)
                early = unfinished_session(config, clock.now) if date is None else None
            except TooEarly as error:
                early = error
            if early is None:
                return clock
            if clock.source in ("flag", "SPOCK_NOW"):
                raise UsageError(f"--wait: the clock is frozen by {clock.source}, so the time never comes: {early}")
            if not told:
                self.progress.of(config.region).say(f"waiting: {early}")
                told = True
            left = (early.retry_at - clock.now).total_seconds()
            # A sandbox's clock is moved by hand, so it is looked at often; the wall clock only runs.
            if self._stopping.wait(0.2 if clock.source == "sandbox" else min(max(left, 0.2), _LOOK_EVERY)):
                raise KeyboardInterrupt
            clock = look()

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
        for day in sorted({outcome.as_of.astimezone(dt.UTC).date() for outcome in outcomes}):
            if fresh or not report.path(self.home, day).exists():
                report.write(self.home, day)

    # small things -----------------------------------------------------------------------------------------------------

    def _configs(self, regions: Sequence[str]) -> list[RegionConfig]:
        configs = [settings.get_config(region) for region in dict.fromkeys(map(settings.resolve_region, regions))]
        for config in configs:
            self.require_on(config)
        return [frozen(config) for config in configs]


def _result(config: RegionConfig, work: Callable[[RegionConfig], Result]) -> Result:
    """What became of a region; only a `UsageError` or a defect of ours is raised."""
    try:
        return work(config)
    except TooEarly as error:
        return NoOutcome(config.region, "too_early", _come_back(error), error.retry_at)
    except UsageError:
        raise
    except SpockError as error:
        return _failed(config.region, error)


def _failed(region: str, error: SpockError, **run: Any) -> NoOutcome:
    """`error` as the result of a region, with when to come back where a provider said so; `run` are fields of the run."""
    retry_at = error.retry_at if isinstance(error, Unavailable | NotYet) else None
    return NoOutcome(region, "failed", str(error), retry_at, **run)


def _come_back(early: TooEarly) -> str:
    """What to do about a night that is too early."""
    return f"{early}: run again then, or use --wait"


def exit_code(results: Sequence[Result]) -> int:
    """The worst of the results: 1 failed, then 3 below coverage or too early, else 0."""
    statuses = {result.status for result in results}
    if "failed" in statuses:
        return 1
    return 3 if statuses - {"complete"} else 0

