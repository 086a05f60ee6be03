"""An import: files opened and staged one by one, a run for each region they name, published once at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never
from zoneinfo import ZoneInfo

from pipeline import calendars, settings
from pipeline.clock import Clock
from pipeline.errors import SpockError, StoreReadOnly, UsageError
from pipeline.importing.csv_file import CsvFile
from pipeline.importing.parquet_file import ParquetFile
from pipeline.importing.region_run import RegionRun, listed_tickers
from pipeline.importing.result import Imported
from pipeline.importing.rows import UNKNOWN
from pipeline.importing.source import Source
from pipeline.importing.sqlite_file import SqliteFile
from pipeline.importing.staging import Staging, staging
from pipeline.importing.wanted import Wanted
from pipeline.nightly import Nights
from pipeline.progress import Progress
from pipeline.store import require_origin
from pipeline.store.file import translated
from pipeline.store.lock import write_lock

#: Rows between two lines about a file that takes long.
_TELL_EVERY = 1_000_000


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
        region = self._wanted.region
        listed = frozenset[str]() if region is None else listed_tickers(self._store, region)
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
                self._run(source, staged, region).work(unread[region])
                if why_not is None
                else self._not_taken(source, staged, region, why_not)
                for region, why_not in found.items()
            ]

    def _run(self, source: Source, staged: Staging, region: str) -> RegionRun:
        return RegionRun(self._store, self._state, self._now, self._wanted, self._progress, source, staged, region)

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
        not_imported = {**staged.derived_of(region), "D": count}
        return Imported(
            str(source.path),
            region,
            None,
            "not_imported",
            not_imported=not_imported,
            dry_run=self._wanted.dry_run,
            notes=(why,),
        )

    def _publish(self, results: Sequence[Imported]) -> None:
        """One replica for all runs that no replica shows yet."""
        self._nights.publish_and_tell(
            {result.run_id: (result.region, result.last) for result in results if result.run_id and not result.dry_run}
        )
