"""An import as runs: one for each file and region, resumable, idempotent, published once at the end.

A run is named after the file's sha256. Its batches are whole tickers in order, so the same file is always divided the same
way; a batch whose marker stands is not committed again. A batch's name holds the options too: read another way, a file is
judged anew.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import assert_never
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from pipeline import calendars, settings
from pipeline.clock import Clock
from pipeline.collect.sessions import closed_sessions
from pipeline.errors import SpockError, StoreReadOnly, UsageError
from pipeline.importing.csv_file import CsvFile
from pipeline.importing.judging import CELL, Judge, Judged, Standing
from pipeline.importing.parquet_file import ParquetFile
from pipeline.importing.result import CONFLICTS, Imported
from pipeline.importing.rows import UNKNOWN, UNREADABLE
from pipeline.importing.source import Source
from pipeline.importing.sqlite_file import SqliteFile
from pipeline.importing.staging import Staging, staging
from pipeline.importing.steps import Step, denied_cells, standing_already, steps
from pipeline.importing.wanted import Wanted
from pipeline.indicators.stage import derive
from pipeline.nightly import Nights
from pipeline.progress import Progress
from pipeline.quality import SESSIONS
from pipeline.recorder import Recorder
from pipeline.settings import RegionConfig
from pipeline.statements import statement
from pipeline.store import Batch, Committed, commit_batch, require_origin
from pipeline.store.file import rows, translated
from pipeline.store.incoming import append
from pipeline.store.lock import write_lock
from pipeline.universe import LISTINGS

#: Rows between two lines about a file that takes long.
_TELL_EVERY = 1_000_000
#: Rules of refused rows that stood beside another row of their cell, or in no cell at all.
_BESIDE = [*UNREADABLE, "conflicting_rows"]
_CELLS = pl.Schema({"ticker": pl.String(), "date": pl.Date()})
#: How many tickers a note names.
_NAMED = 10


class Importer:
    """Imports files into one home; `clock` is frozen, `progress` hears what happens."""

    def __init__(self, home: Path, clock: Clock, wanted: Wanted, progress: Progress | None = None) -> None:
        self.home = home
        self._now = clock.now
        self._wanted = wanted
        self._progress = progress or Progress()
        self._nights = Nights(home, clock, self._progress)
        self._state = self._nights.state
        self._store = self._nights.store(settings.get_config(settings.available_regions()[0]))

    def work(self, files: Sequence[Path]) -> list[Imported]:
        """Import each of `files`, then publish what is new; one result for each file and region.

        All files are opened before the first is imported: `UsageError` for one that is not what it should be, or names no
        region that can be taken, before anything is written for it.
        """
        self._require_past()
        listed = self._listed(self._wanted.region)
        sources = [self._open(path, listed) for path in dict.fromkeys(files)]
        results: list[Imported] = []
        if self._store.exists():
            self._store.look(lambda connection: require_origin(connection, settings.origin()))
        try:
            for source in sources:
                results += self._file(source)
        except SpockError:
            self._publish(results)
            raise
        self._publish(results)
        return results

    # one file ---------------------------------------------------------------------------------------------------------

    def _require_past(self) -> None:
        """`UsageError` for prices that would contain splits still to come, seen from the region, or from any of them."""
        through = self._wanted.adjusted_through
        regions = [self._wanted.region] if self._wanted.region is not None else settings.available_regions()
        today = max(self._now.astimezone(ZoneInfo(settings.get_config(region).timezone)).date() for region in regions)
        if through is not None and through > today:
            raise UsageError(
                f"--adjusted-through {through} is after today, {today}: prices contain no splits that are still to come; "
                "give the day the file was made"
            )

    def _listed(self, region: str | None) -> frozenset[str]:
        """Tickers of a region that the store lists, or ever listed."""
        if region is None or not self._store.exists():
            return frozenset()
        found = self._store.look(lambda connection: rows(connection, "importing/listed_tickers", region=region))
        return frozenset(ticker for (ticker,) in found)

    def _open(self, path: Path, listed: Collection[str]) -> Source:
        match self._wanted.kind:
            case "sqlite":
                return SqliteFile(path, self._wanted)
            case "csv":
                return CsvFile(path, self._wanted, listed)
            case "parquet":
                return ParquetFile(path, self._wanted, listed)
            case _:
                assert_never(self._wanted.kind)

    def _file(self, source: Source) -> list[Imported]:
        with self._folder(source) as folder, staging(folder, source.path.stat().st_size) as staged:
            self._stage(source, staged)
            found = self._found(source, staged)
            taken = [region for region, why_not in found.items() if why_not is None]
            # Rows of no region are told of once: with the file's first.
            unread = {region: [region, UNKNOWN] if region == taken[0] else [region] for region in taken}
            return [
                self._region(source, staged, region, unread[region])
                if why_not is None
                else self._not_taken(source, staged, region, why_not)
                for region, why_not in found.items()
            ]

    def _stage(self, source: Source, staged: Staging) -> None:
        """Read the whole file into the staging."""
        for chunk in source.chunks():
            before = staged.read // _TELL_EVERY
            staged.add(chunk)
            if staged.read // _TELL_EVERY > before:
                self._progress.say(f"{source.path.name}: {staged.read:,} rows read")
        staged.settle()

    def _found(self, source: Source, staged: Staging) -> dict[str, str | None]:
        """The regions a file names, in order, each with why its rows can't be taken; `UsageError` where none can."""
        regions = sorted(staged.regions())
        why_not = {region: self._untakeable(region) for region in regions if region != UNKNOWN}
        if not why_not:
            why = "none of its rows names a region we know" if regions else "holds no rows: nothing to import"
            raise UsageError(f"{source.path}: {why}")
        if None not in why_not.values():
            raise UsageError(f"{source.path}: {'; '.join(str(why) for why in why_not.values())}")
        return why_not

    @contextmanager
    def _folder(self, source: Source) -> Iterator[Path]:
        """Where a file is staged, for one process at a time; a dry run leaves nothing behind in the home."""
        if self._wanted.dry_run:
            with tempfile.TemporaryDirectory(prefix="spock-import-") as passing:
                yield Path(passing)
            return
        folder = self.home / "runs" / f"import-{source.key[:12]}"
        try:
            with translated(folder):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreReadOnly(
                f"{self.home}: can't be made ({error.strerror}): point SPOCK_HOME at a folder you can write to"
            ) from error
        wait = settings.get_config(settings.available_regions()[0]).store.lock_wait_seconds
        with write_lock(folder / "lock", f"import {source.path.name}", wait, self._progress.say):
            yield folder

    def _untakeable(self, region: str) -> str | None:
        """Why a region's rows can't be taken, None where they can."""
        config = settings.get_config(region)
        try:
            self._nights.require_on(config)
        except UsageError as off:
            return str(off)
        missing = sorted({venue.calendar for venue in config.venues} - set(calendars.available()))
        if missing:
            return f"region {region} has no packaged calendar for {', '.join(missing)}: its sessions are unknown"
        self._wanted.venue_of(region)
        return None

    def _not_taken(self, source: Source, staged: Staging, region: str, why: str) -> Imported:
        """The result of a region that can't be taken: its rows are counted, and stay in the file."""
        count = sum(part.rows for part in staged.parts() if part.region == region) + staged.unread().get(region, 0)
        not_imported = {**_derived(staged, region), "D": count}
        return Imported(
            str(source.path),
            region,
            None,
            "not_imported",
            not_imported=not_imported,
            dry_run=self._wanted.dry_run,
            notes=(why,),
        )

    # one region of a file ---------------------------------------------------------------------------------------------

    def _region(self, source: Source, staged: Staging, region: str, unread: list[str]) -> Imported:
        """Judge and commit a region's rows; those that could not be read are of the regions `unread`."""
        began = time.monotonic()
        config = settings.get_config(region)
        run_id = f"{region}-import-{source.key[:12]}"
        prefix = f"{run_id}.{self._wanted.digest()}."
        batches = steps(staged, region, unread, prefix)
        today = self._now.astimezone(ZoneInfo(config.timezone)).date()
        first, last = staged.span(region, today)
        judge = self._judge(config, run_id, first, today)
        shown = Imported(
            file=str(source.path),
            region=region,
            run_id=run_id,
            status="complete",
            first=first,
            last=last,
            tickers=staged.tickers(region),
            not_imported=_derived(staged, region),
            dry_run=self._wanted.dry_run,
        )
        notes = list(source.notes)
        listed = self._listed(region)
        if self._wanted.dry_run:
            done, by_rule, unlisted, refused = self._rehearse(staged, batches, judge)
            notes += _unlisted_notes(unlisted, judge.venue, listed)
            return _counted(_taken(shown, staged, refused), done, by_rule, notes)
        committed, ended = self._before(run_id)
        if ended and committed >= {step.batch_id for step in batches}:
            notes.append(f"imported already by run {run_id}: nothing changed")
            shown = replace(shown, unchanged=True)
        else:
            unlisted = self._run(staged, batches, judge, shown, began, again=ended)
            notes += _unlisted_notes(unlisted, judge.venue, listed)
        done, by_rule, refused = self._totals(region, run_id, prefix)
        result = _counted(_taken(shown, staged, refused), done, by_rule, notes)
        if not shown.unchanged:
            self._end(result, done, began)
        return result

    def _judge(self, config: RegionConfig, run_id: str, first: dt.date | None, today: dt.date) -> Judge:
        sessions = pl.DataFrame(schema=SESSIONS) if first is None else closed_sessions(config, first, today, self._now)
        venue = self._wanted.venue_of(config.region)
        return Judge(config, run_id, self._now, sessions, venue, self._wanted.provider)

    def _before(self, run_id: str) -> tuple[set[str], bool]:
        """Batches of a run that stand, and whether it had ended."""
        run = self._state.run(run_id)
        if run is None:
            return set(), False
        done = self._store.look(lambda connection: rows(connection, "store/committed_batches", run_id=run_id))
        return {batch_id for (batch_id,) in done}, run["status"] in ("complete", "partial")

    def _run(
        self, staged: Staging, batches: list[Step], judge: Judge, shown: Imported, began: float, *, again: bool
    ) -> list[str]:
        """Commit what is left of a run (`again`: one that had ended before); returns the tickers that nobody lists."""
        region, run_id = judge.config.region, judge.run_id
        recorder = self._recorder(region, run_id)
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
                    unlisted += self._commit(staged, step, judge, anew=number == 0)
                    if len(batches) > 10 and number % 10 == 9:
                        self._progress.say(f"{region}: {number + 1} of {len(batches)} batches committed")
                note["detail"] = f"{len(batches)} batches"
            with self._state.stage(run_id, "indicators") as note:
                note["detail"] = derive(self._store, region=region, run_id=run_id).detail
        except SpockError as error:
            recorder.fail(error, lambda: self._state.add_requests(run_id, {}, time.monotonic() - began))
            raise
        return unlisted

    def _commit(self, staged: Staging, step: Step, judge: Judge, *, anew: bool) -> list[str]:
        """Judge and commit one batch in one transaction; returns those of its tickers that nobody lists."""
        found = step.rows(staged)
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
        self, staged: Staging, batches: list[Step], judge: Judge
    ) -> tuple[Committed, dict[str, int], list[str], pl.DataFrame]:
        """What a run would come to, without writing: counts, refused rows by rule, tickers nobody lists, refused cells."""
        done, by_rule, unlisted = Committed(), Counter[str](), list[str]()
        refused = [pl.DataFrame(schema=_CELLS)]
        for step in batches:
            found = step.rows(staged)
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

    # the run's record -------------------------------------------------------------------------------------------------

    def _totals(self, region: str, run_id: str, prefix: str) -> tuple[Committed, dict[str, int], pl.DataFrame]:
        """What stands of a run: counts, refused rows by rule, refused cells."""

        def read(connection: duckdb.DuckDBPyConnection) -> tuple[Committed, dict[str, int], pl.DataFrame]:
            done = Committed(*rows(connection, "store/import_totals", run_id=run_id, prefix=prefix)[0])
            wanted = {"run_id": run_id, "region": region, "beside": _BESIDE}
            refused = connection.sql(statement("importing/refused_cells"), params=wanted).pl().cast(_CELLS)
            return done, dict(rows(connection, "store/refused_by_rule", run_id=run_id)), refused

        return self._store.look(read)

    def _recorder(self, region: str, run_id: str) -> Recorder:
        return Recorder(self._state, run_id, region, self._progress.say)

    def _end(self, result: Imported, done: Committed, began: float) -> None:
        assert result.run_id is not None
        recorder = self._recorder(result.region, result.run_id)
        file = {"file": Path(result.file).name}
        recorder.end(result.status, done, result.notes, tickers=result.tickers, detail=file)
        self._state.add_requests(result.run_id, {}, time.monotonic() - began)

    def _publish(self, results: Sequence[Imported]) -> None:
        """One replica for all runs that no replica shows yet."""
        self._nights.publish_and_tell(
            {result.run_id: (result.region, result.last) for result in results if result.run_id and not result.dry_run}
        )


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


def _derived(staged: Staging, region: str) -> dict[str, int]:
    return {timeframe: count for (code, timeframe), count in sorted(staged.derived.items()) if code == region}


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
