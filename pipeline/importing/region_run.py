"""One region's rows of one file as a run: judged, committed batch by batch, resumable, idempotent.

A run is named after the file's sha256. Its batches are whole tickers in order, so the same file is always divided the same
way; a batch whose marker stands is not committed again. A batch's name holds the options too: read another way, a file is
judged anew.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from pipeline import settings
from pipeline.collect.sessions import closed_sessions
from pipeline.errors import SpockError
from pipeline.importing.judging import CELL, Judge, Judged, Standing
from pipeline.importing.result import CONFLICTS, Imported
from pipeline.importing.rows import UNREADABLE
from pipeline.importing.source import Source
from pipeline.importing.staging import Staging
from pipeline.importing.steps import Step, denied_cells, standing_already, steps
from pipeline.importing.wanted import Wanted
from pipeline.indicators.stage import derive
from pipeline.progress import Progress
from pipeline.quality import SESSIONS
from pipeline.recorder import Recorder
from pipeline.state import State
from pipeline.statements import statement
from pipeline.store import Batch, Committed, Store, commit_batch
from pipeline.store.file import rows
from pipeline.store.incoming import append
from pipeline.universe import LISTINGS

#: Rules of refused rows that stood beside another row of their cell, or in no cell at all.
_BESIDE = [*UNREADABLE, "conflicting_rows"]
_CELLS = pl.Schema({"ticker": pl.String(), "date": pl.Date()})
#: How many tickers a note names.
_NAMED = 10


def listed_tickers(store: Store, region: str) -> frozenset[str]:
    """Tickers of a region that the store lists, or ever listed."""
    if not store.exists():
        return frozenset()
    found = store.look(lambda connection: rows(connection, "importing/listed_tickers", region=region))
    return frozenset(ticker for (ticker,) in found)


class RegionRun:
    """The run of `region`'s rows of one staged file; `now` is the import's frozen clock."""

    def __init__(
        self,
        store: Store,
        state: State,
        now: dt.datetime,
        wanted: Wanted,
        progress: Progress,
        source: Source,
        staged: Staging,
        region: str,
    ) -> None:
        self._store = store
        self._state = state
        self._now = now
        self._wanted = wanted
        self._progress = progress
        self._source = source
        self._staged = staged
        self._region = region
        self._config = settings.get_config(region)
        self._run_id = f"{region}-import-{source.key[:12]}"
        self._prefix = f"{self._run_id}.{wanted.digest()}."

    def work(self, unread: list[str]) -> Imported:
        """Judge and commit the region's rows; those that could not be read are of the regions `unread`."""
        began = time.monotonic()
        batches = steps(self._staged, self._region, unread, self._prefix)
        today = self._now.astimezone(ZoneInfo(self._config.timezone)).date()
        first, last = self._staged.span(self._region, today)
        judge = self._judge(first, today)
        shown = Imported(
            file=str(self._source.path),
            region=self._region,
            run_id=self._run_id,
            status="complete",
            first=first,
            last=last,
            tickers=self._staged.tickers(self._region),
            not_imported=self._staged.derived_of(self._region),
            dry_run=self._wanted.dry_run,
        )
        notes = list(self._source.notes)
        listed = listed_tickers(self._store, self._region)
        if self._wanted.dry_run:
            done, by_rule, unlisted, refused = self._rehearse(batches, judge)
            notes += _unlisted_notes(unlisted, judge.venue, listed)
            return _counted(_taken(shown, self._staged, refused), done, by_rule, notes)
        committed, ended = self._before()
        if ended and committed >= {step.batch_id for step in batches}:
            notes.append(f"imported already by run {self._run_id}: nothing changed")
            shown = replace(shown, unchanged=True)
        else:
            unlisted = self._commit_all(batches, judge, shown, began, again=ended)
            notes += _unlisted_notes(unlisted, judge.venue, listed)
        done, by_rule, refused = self._totals()
        result = _counted(_taken(shown, self._staged, refused), done, by_rule, notes)
        if not shown.unchanged:
            self._end(result, done, began)
        return result

    def _judge(self, first: dt.date | None, today: dt.date) -> Judge:
        sessions = pl.DataFrame(schema=SESSIONS) if first is None else closed_sessions(self._config, first, today, self._now)
        venue = self._wanted.venue_of(self._region)
        return Judge(self._config, self._run_id, self._now, sessions, venue, self._wanted.provider)

    def _before(self) -> tuple[set[str], bool]:
        """Batches of the run that stand, and whether it had ended."""
        run = self._state.run(self._run_id)
        if run is None:
            return set(), False
        done = self._store.look(lambda connection: rows(connection, "store/committed_batches", run_id=self._run_id))
        return {batch_id for (batch_id,) in done}, run["status"] in ("complete", "partial")

    def _commit_all(
        self, batches: list[Step], judge: Judge, shown: Imported, began: float, *, again: bool
    ) -> list[str]:
        """Commit what is left of the run (`again`: one that had ended before); returns the tickers that nobody lists."""
        region, run_id = self._region, self._run_id
        recorder = self._recorder()
        recorder.begin(
            "import",
            shown.first or self._now.date(),
            shown.last or self._now.date(),
            origin=settings.origin(),
            as_of=self._now,
            again=again,
        )
        unlisted: list[str] = []
        try:
            with self._state.stage(run_id, "commit") as note:
                for number, step in enumerate(batches):
                    unlisted += self._commit(step, judge, anew=number == 0)
                    if len(batches) > 10 and number % 10 == 9:
                        self._progress.say(f"{region}: {number + 1} of {len(batches)} batches committed")
                note["detail"] = f"{len(batches)} batches"
            with self._state.stage(run_id, "indicators") as note:
                note["detail"] = derive(self._store, region=region, run_id=run_id).detail
        except SpockError as error:
            recorder.fail(error, lambda: self._state.add_requests(run_id, {}, time.monotonic() - began))
            raise
        return unlisted

    def _commit(self, step: Step, judge: Judge, *, anew: bool) -> list[str]:
        """Judge and commit one batch in one transaction; returns those of its tickers that nobody lists."""
        found = step.rows(self._staged)
        with self._store.write(f"import {judge.config.region}") as connection:
            if rows(connection, "store/commit_marker", batch_id=step.batch_id):
                return []
            if anew:
                connection.execute(statement("store/delete_refusals"), {"run_id": judge.run_id})
            judged = step.judged(found, judge, step.standing(connection, found, judge))
            append(connection, "store/insert_unlisted", judged.unlisted, LISTINGS)
            commit_batch(connection, self._batch(step.batch_id, judged, judge))
        return judged.unlisted["ticker"].to_list()

    def _batch(self, batch_id: str, judged: Judged, judge: Judge) -> Batch:
        return Batch(
            batch_id=batch_id,
            run_id=judge.run_id,
            region=judge.config.region,
            origin=settings.origin(),
            committed_at=self._now,
            bars=judged.bars,
            explained=judged.explained,
            quarantine=judged.quarantine,
            repeated=judged.repeated,
        )

    def _rehearse(
        self, batches: list[Step], judge: Judge
    ) -> tuple[Committed, dict[str, int], list[str], pl.DataFrame]:
        """What a run would come to, without writing: counts, refused rows by rule, tickers nobody lists, refused cells."""
        done, by_rule, unlisted = Committed(), Counter[str](), list[str]()
        refused = [pl.DataFrame(schema=_CELLS)]
        for step in batches:
            found = step.rows(self._staged)
            stands = Standing()
            if self._store.exists():
                stands = self._store.look(partial(step.standing, rows=found, judge=judge))
            judged = step.judged(found, judge, stands)
            stood, denied = standing_already(judged, stands)
            by_rule.update(dict(judged.quarantine.group_by("rule").len().rows()))
            by_rule.update({"untraded_over_bar": denied} if denied else {})
            unlisted += judged.unlisted["ticker"].to_list()
            refused += [_refused_cells(judged.quarantine), denied_cells(judged, stands)]
            done += Committed(
                received=judged.bars.height + judged.explained.height + judged.quarantine.height + judged.repeated,
                stored=judged.bars.height - stood,
                confirmed=stood,
                explained=judged.explained.height - denied,
                refused=judged.quarantine.height + denied,
                repeated=judged.repeated,
            )
        return done, dict(sorted(by_rule.items())), unlisted, pl.concat(refused)

    def _totals(self) -> tuple[Committed, dict[str, int], pl.DataFrame]:
        """What stands of the run: counts, refused rows by rule, refused cells."""

        def read(connection: duckdb.DuckDBPyConnection) -> tuple[Committed, dict[str, int], pl.DataFrame]:
            done = Committed(*rows(connection, "store/import_totals", run_id=self._run_id, prefix=self._prefix)[0])
            wanted = {"run_id": self._run_id, "region": self._region, "beside": _BESIDE}
            refused = connection.sql(statement("importing/refused_cells"), params=wanted).pl().cast(_CELLS)
            return done, dict(rows(connection, "store/refused_by_rule", run_id=self._run_id)), refused

        return self._store.look(read)

    def _recorder(self) -> Recorder:
        return Recorder(self._state, self._run_id, self._region, self._progress.say)

    def _end(self, result: Imported, done: Committed, began: float) -> None:
        file = {"file": Path(result.file).name}
        self._recorder().end(result.status, done, result.notes, tickers=result.tickers, detail=file)
        self._state.add_requests(self._run_id, {}, time.monotonic() - began)


def _counted(shown: Imported, done: Committed, by_rule: dict[str, int], notes: list[str]) -> Imported:
    conflicts = sum(count for rule, count in by_rule.items() if rule in CONFLICTS)
    return replace(
        shown,
        status="partial" if done.refused else "complete",
        read=done.received,
        stored=done.stored,
        same=done.confirmed,
        explained=done.explained,
        conflicts=conflicts,
        refused=done.refused - conflicts,
        repeated=done.repeated,
        refused_by_rule=by_rule,
        notes=tuple(notes),
    )


def _refused_cells(quarantine: pl.DataFrame) -> pl.DataFrame:
    for_the_cell = ~pl.col("rule").is_in(_BESIDE) & pl.col("date").is_not_null()
    return quarantine.filter(for_the_cell).select(CELL).cast(_CELLS)


def _taken(shown: Imported, staged: Staging, refused: pl.DataFrame) -> Imported:
    """`shown` from the first to the last row that was taken."""
    first, last = staged.span_without(shown.region, refused)
    return replace(shown, first=first, last=last)


def _unlisted_notes(tickers: Sequence[str], venue: str, listed: Collection[str]) -> list[str]:
    """What is told of tickers nobody lists, and of those that differ from a `listed` one only in - and . (BRK-B, BRK.B)."""
    if not tickers:
        return []
    notes = [
        f"tickers that no provider's list has shown: {len(tickers):,}; they stand as listed on {venue} (--venue), not followed"
    ]
    spelt = {ticker.replace("-", "."): ticker for ticker in sorted(listed)}
    near = [f"{ticker}: did you mean {found}?" for ticker in tickers if (found := spelt.get(ticker.replace("-", ".")))]
    if near:
        more = f" (and {len(near) - _NAMED:,} more like these)" if len(near) > _NAMED else ""
        notes.append(f"{' '.join(near[:_NAMED])}{more} {'That is' if len(near) == 1 else 'Those are'} listed here already")
    return notes
