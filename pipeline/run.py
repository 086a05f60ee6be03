"""One run of one region: plan, fetch, check and commit, indices, coverage, indicators; resumable at any point.

A run is keyed by its region and what it is for, so that a killed one goes on under its own id. What was fetched is in the
spool before anything else happens to it; what was committed has its marker in the store. A night fetches everything first
and then commits whole sessions, oldest first; a backfill commits every batch as it comes.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import polars as pl

from pipeline import coverage
from pipeline.attempts import AttemptLog
from pipeline.collect import indices, listings, spool
from pipeline.collect import plan as planning
from pipeline.collect.answers import Checker, other_units, session_groups
from pipeline.collect.inquiry import Inquiry
from pipeline.collect.plan import Plan
from pipeline.collect.providers import history_provider
from pipeline.collect.sessions import RegionSessions
from pipeline.collect.spool import Failed, Fetched
from pipeline.doubts import by_calendar, spoken
from pipeline.errors import CalendarUnknown, SpockError, Unavailable
from pipeline.indicators.stage import derive
from pipeline.outcome import Outcome, Task
from pipeline.progress import Progress
from pipeline.recorder import Recorder
from pipeline.store import Committed, Store, commit_batch, require_origin
from pipeline.store.file import rows, translated
from pipeline.store.lock import write_lock

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.clock import Clock
    from pipeline.settings import RegionConfig
    from pipeline.state import State


#: How the index stage's note begins where a provider did not answer.
_OWED = "owed: "


class Run:
    """Works one `Task` against one home. `clock` and `config` are frozen; `origin` live or sandbox.

    `stopped` is looked at between two answers: once it is true the run stops where it is, as by Ctrl-C.
    """

    def __init__(
        self,
        task: Task,
        config: RegionConfig,
        store: Store,
        state: State,
        *,
        clock: Clock,
        origin: str,
        progress: Progress,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._task = task
        self._config = config
        self._store = store
        self._state = state
        self._now = clock.now
        self._origin = origin
        self._progress = progress
        self._stopped = stopped
        self._recorder = Recorder(state, task.run_id, config.region, progress.say)
        self._log = AttemptLog(task.run_id, config.region)
        self._checker = Checker(config, task.run_id, origin, task.target, clock.now)
        self._notes: list[str] = []
        self._attempt = 1

    @property
    def requests(self) -> dict[str, int]:
        """Requests this process sent for the run, by provider."""
        return self._log.requests

    @property
    def folder(self) -> Path:
        """Where the run spools."""
        return self._store.home / "runs" / self._task.run_id

    def work(self) -> Outcome:
        """Do what is left of the task; a task that is complete already makes no request and changes nothing.

        One process at a time works on a run: a second one waits for the first, and then finds what it left.
        """
        began = time.monotonic()
        self._store.look(lambda connection: require_origin(connection, self._origin))
        with translated(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        wait = self._config.store.lock_wait_seconds
        with write_lock(self.folder / "lock", self._task.run_id, wait, self._progress.say):
            return self._work(began)

    def _work(self, began: float) -> Outcome:
        before = self._state.run(self._task.run_id)
        complete = before is not None and before["status"] == "complete"
        if before is not None and complete and not listings.are_stale(self._store, self._config, self._now):
            plan = self._missing()
            if not plan.units and not (plan.indices and self._index_owed()):
                return self._unchanged(before, began)
        self._begin(before)
        try:
            outcome = self._worked(began)
        except SpockError as error:
            self._recorder.fail(error, lambda: self._log.flush(self._state, time.monotonic() - began))
            raise
        self._log.flush(self._state, time.monotonic() - began)
        return outcome

    # the stages -------------------------------------------------------------------------------------------------------

    def _worked(self, began: float) -> Outcome:
        resumed = self._stage_done("fetch")
        with self._state.stage(self._task.run_id, "plan") as note:
            self._refresh_universe()
            if self._task.kind == "backfill":
                self._commit_leftovers()
            plan = self._plan()
            note["detail"] = plan.describe()
        if plan.followed.is_empty():
            raise Unavailable(
                f"{self._config.region}: no listing is followed: the provider's list is empty under the universe rule, or "
                "every name of it was left out by hand; see `spock config show` (universe) and `spock ticker add`"
            )
        self._progress.begin(plan)
        try:
            failures = self._collect(plan, resumed)
        finally:
            self._progress.end()
        with self._state.stage(self._task.run_id, "coverage") as note:
            counted = self._settle(plan, failures)
            note["detail"] = f"coverage {counted.ratio:.4f}"
        with self._state.stage(self._task.run_id, "indicators") as note:
            note["detail"] = derive(self._store, region=self._config.region, run_id=self._task.run_id).detail
        return self._end(counted, failures, began)

    def _collect(self, plan: Plan, resumed: bool) -> list[Failed]:
        """Everything that asks a provider or commits what came; returns the tickers without an answer."""
        if not resumed:
            with self._state.stage(self._task.run_id, "fetch") as note:
                failures = self._fetch(plan)
                # On disk before the stage ends: a resume that skips the fetch must still say why a ticker has no answer.
                spool.write_failures(self.folder, self._prefix, failures)
                note["detail"] = f"{len(plan.units) - len(failures)} of {len(plan.units)} tickers answered"
        with self._state.stage(self._task.run_id, "commit"):
            self._commit_night(plan)
        with self._state.stage(self._task.run_id, "index") as note:
            note["detail"] = self._fetch_indices(plan)
        return spool.read_failures(self.folder, self._prefix)

    def _refresh_universe(self) -> None:
        self._notes += listings.refresh(
            self._config,
            self._store,
            self._state,
            origin=self._origin,
            now=self._now,
            run_id=self._task.run_id,
            on_attempt=self._log,
        )

    def _missing(self) -> Plan:
        """What the store lacks of the task."""
        return self._store.look(
            lambda connection: planning.make_plan(
                connection,
                self._config,
                first=self._task.first,
                target=self._task.target,
                now=self._now,
                night=self._task.kind == "night",
            )
        )

    def _plan(self) -> Plan:
        """What is still to be asked: what the store lacks less what this attempt has in its spool."""
        plan = self._missing()
        spooled = {ticker for path in self._files() for ticker in spool.tickers(path)}
        return planning.without(plan, self._config, spooled) if spooled else plan

    def _fetch(self, plan: Plan) -> list[Failed]:
        inquiry = Inquiry(self._config, plan, self._store, self._log, self._progress.say)
        with closing(inquiry.answers()) as answers:
            for batch in self._batches(answers):
                file = self._spool(batch)
                if self._task.kind == "backfill":
                    self._commit_batch(file.batch_id, batch)
                    self._state.mark_committed(self._task.run_id, file.batch_id)
        self._notes += inquiry.notes
        for calendar, sessions in by_calendar(inquiry.doubts).items():
            self._notes.append(f"calendar_suspect: no ticker of {calendar} has a row for {spoken(sessions)}")
            self._state.emit(
                "calendar_suspect",
                self._config.region,
                severity="warning",
                run_id=self._task.run_id,
                detail={"calendar": calendar, "sessions": [str(session) for session in sessions]},
            )
        return inquiry.failures

    def _batches(self, answers: Iterator[Fetched]) -> Iterator[list[Fetched]]:
        """Answers in batches of at most `batch_pages` pages or `batch_seconds`."""
        batch: list[Fetched] = []
        opened = time.monotonic()
        for answer in answers:
            if self._stopped():
                raise KeyboardInterrupt
            batch.append(answer)
            self._progress.advance(1, answer.bars.height + answer.refused.height, sum(self._log.requests.values()))
            full = sum(one.pages for one in batch) >= self._config.collect.batch_pages
            if full or time.monotonic() - opened >= self._config.collect.batch_seconds:
                yield batch
                batch, opened = [], time.monotonic()
        if batch:
            yield batch

    def _spool(self, batch: list[Fetched]) -> spool.SpoolFile:
        number = len(self._files()) + 1
        file = spool.write(self.folder, f"{self._prefix}{number:06d}", batch)
        self._state.record_spool(
            file.batch_id,
            self._task.run_id,
            str(file.path.relative_to(self._store.home)),
            units=file.units,
            pages=file.pages,
            rows=file.rows,
            sha256=file.sha256,
        )
        self._log.flush(self._state)
        return file

    def _commit_leftovers(self) -> None:
        """Batches of a backfill that were spooled but not committed when the run was cut off."""
        done = self._store.look(lambda connection: rows(connection, "store/committed_batches", run_id=self._task.run_id))
        committed = {batch_id for (batch_id,) in done}
        for path in self._files():
            if path.stem not in committed:
                self._commit_batch(path.stem, spool.read(path))

    def _commit_night(self, plan: Plan) -> None:
        """Whole sessions, oldest first, from everything the night spooled."""
        if self._task.kind != "night":
            return
        answers = self._spooled()
        groups = list(session_groups(answers)) or [[]]
        # Once, before this attempt commits anything: rows are held against what stood, not against themselves.
        others = other_units(self._store, self._config.region, answers)
        for number, group in enumerate(groups if answers else []):
            span = f"{group[0]}_{group[-1]}" if group else "undated"
            self._commit(f"{self._prefix}{span}", answers, others, group, rest=number == 0)
        self._state.mark_committed(self._task.run_id)

    def _commit_batch(self, batch_id: str, answers: list[Fetched]) -> None:
        self._commit(batch_id, answers, other_units(self._store, self._config.region, answers))

    def _commit(
        self,
        batch_id: str,
        answers: list[Fetched],
        others: pl.DataFrame,
        only: list[dt.date] | None = None,
        *,
        rest: bool = True,
    ) -> None:
        """Check and commit answers, or the sessions `only` of them, in one short transaction."""
        batch = self._checker.batch(batch_id, answers, others, only, rest=rest)
        with self._store.write(f"{self._task.kind} {self._config.region}") as connection:
            commit_batch(connection, batch)

    def _fetch_indices(self, plan: Plan) -> str:
        """Index levels; a missing index is told, and does not make the region's bars less complete. Returns what is owed."""
        if not plan.indices:
            return ""
        fetched = indices.collect(self._store, self._config, plan, self._now, self._task.run_id, self._log)
        self._notes += fetched.notes
        return f"{_OWED}{', '.join(fetched.owed)}" if fetched.owed else ""

    def _settle(self, plan: Plan, failures: list[Failed]) -> coverage.Coverage:
        reasons = pl.DataFrame(
            [(failed.ticker, failed.reason) for failed in failures],
            schema={"ticker": pl.String, "reason": pl.String},
            orient="row",
        )
        try:
            follows = RegionSessions(self._config).before(self._task.first)
        except CalendarUnknown:
            follows = None  # the run began with the first session the calendar knows
        with self._store.write(f"coverage {self._config.region}") as connection:
            return coverage.settle(
                connection,
                region=self._config.region,
                run_id=self._task.run_id,
                provider=history_provider(self._config),
                sessions=plan.sessions,
                tickers=plan.followed.select("ticker"),
                reasons=reasons,
                threshold=self._config.collect.coverage_threshold,
                follows=follows,
                now=self._now,
            )

    # beginnings and ends ----------------------------------------------------------------------------------------------

    def _begin(self, before: dict[str, Any] | None) -> None:
        # An attempt that settled its coverage had ended, whatever came of it; one that was cut off or broke goes on.
        again = before is not None and before["status"] != "running" and self._stage_done("coverage")
        task = self._task
        self._attempt = self._recorder.begin(
            task.kind, task.first, task.target, origin=self._origin, as_of=self._now, again=again
        )

    def _end(self, counted: coverage.Coverage, failures: list[Failed], began: float) -> Outcome:
        # A night is for its session: a year of history can't make up for tonight's hole.
        enough = self._config.collect.coverage_threshold
        complete = counted.ratio >= enough and (self._task.kind != "night" or counted.newest >= enough)
        nobody = bool(failures) and not self._files()
        status = "complete" if complete else "failed" if nobody and not counted.ok else "partial"
        reasons = sorted({failed.reason for failed in failures})[:3]
        self._notes += reasons
        why: dict[str, Any] = {}
        if status == "failed":
            times = [failed.retry_at for failed in failures if failed.retry_at is not None]
            why = {"error": "; ".join(reasons), "retry_at": min(times, default=None)}
        done = self._totals()
        figures = {"sessions": counted.sessions, "tickers": counted.tickers, "coverage": counted.ratio}
        outcome = self._outcome(done, began, status=status, gaps=counted.gap, **why, **figures)
        self._recorder.end(status, done, self._notes, detail={"coverage": round(counted.ratio, 6)}, **figures)
        return outcome

    def _unchanged(self, before: dict[str, Any], began: float) -> Outcome:
        figures = {name: before[name] for name in ("sessions", "tickers", "coverage")}
        return self._outcome(self._totals(), began, status="complete", gaps=self._gaps(), **figures)

    def _outcome(self, done: Committed, began: float, **figures: Any) -> Outcome:
        return Outcome.of(
            self._task,
            done,
            requests=self._log.requests,
            seconds=time.monotonic() - began,
            as_of=self._now,
            notes=tuple(self._notes),
            **figures,
        )

    # small things -----------------------------------------------------------------------------------------------------

    @property
    def _prefix(self) -> str:
        return f"{self._task.run_id}.{self._attempt}."

    def _index_owed(self) -> bool:
        """Whether an index stayed away because its provider did; one the provider does not have is not asked again."""
        stages = {stage["stage"]: stage["detail"] or "" for stage in self._state.stages(self._task.run_id)}
        return stages.get("index", _OWED).startswith(_OWED)

    def _stage_done(self, name: str) -> bool:
        return any(
            stage["stage"] == name and stage["status"] == "complete" for stage in self._state.stages(self._task.run_id)
        )

    def _spooled(self) -> list[Fetched]:
        return [answer for path in self._files() for answer in spool.read(path)]

    def _files(self) -> list[Path]:
        """The whole spool files of this attempt."""
        return spool.files(self.folder, self._prefix)

    def _gaps(self) -> int:
        span = {"region": self._config.region, "first": self._task.first, "last": self._task.target}
        found = self._store.look(lambda connection: rows(connection, "store/count_gaps", **span))
        return int(found[0][0])

    def _totals(self) -> Committed:
        found = self._store.look(lambda connection: rows(connection, "store/run_totals", run_id=self._task.run_id))
        return Committed(*found[0])
