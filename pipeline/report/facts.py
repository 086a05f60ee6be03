"""What a day's nights came to, as the newest replica has it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import settings
from pipeline.collect import spool
from pipeline.errors import StoreCorrupt
from pipeline.statements import statement
from pipeline.store import Store
from pipeline.store.file import records, translated

Row = Mapping[str, Any]

#: Tickers a page names as the slowest of a run.
SLOWEST = 5


@dataclass(frozen=True)
class Facts:
    """One UTC day of runs, a list of rows for each section; `as_of` and `published_at` are the replica's (aware, UTC).

    `regions`: where every region stands. `runs`: the day's runs, `requests` as a dict by provider. `coverage`: the newest
    sessions by venue, and whether each is `enough`. `providers`: attempts. `gaps`, `refused`, `actions`: what the runs left
    open, refused, learned; `found` counts the rows that a section does not show, too. `slowest`: region, ticker, seconds,
    pages, the slowest first. `unread`: what could not be read for them, in words.
    """

    day: dt.date
    as_of: dt.datetime
    published_at: dt.datetime
    origin: str
    regions: Sequence[Row]
    runs: Sequence[Row]
    coverage: Sequence[Row]
    providers: Sequence[Row]
    gaps: Sequence[Row]
    refused: Sequence[Row]
    actions: Sequence[Row]
    slowest: Sequence[Row]
    unread: Sequence[str]


_OF_THE_DAY = ("runs", "coverage", "providers", "gaps", "refused", "actions")


def gather(home: Path, day: dt.date) -> Facts:
    """The facts of the runs whose frozen clock stood at `day` (UTC); `NoReplica` where nothing was published."""
    with closing(Store(home).read()) as connection, translated(home):
        replica = records(connection.execute(statement("report/replica")))[0]
        regions = records(connection.execute(statement("report/regions")))
        found = {name: records(connection.execute(statement(f"report/{name}"), {"day": day})) for name in _OF_THE_DAY}
    runs = [{**run, "requests": json.loads(run["requests"])} for run in found.pop("runs")]
    coverage = [{**row, "enough": row["coverage"] >= _threshold(row["region"])} for row in found.pop("coverage")]
    slowest, unread = _slowest(home, runs)
    return Facts(
        day=day,
        as_of=replica["as_of"].astimezone(dt.UTC),
        published_at=replica["published_at"].astimezone(dt.UTC),
        origin=replica["origin"],
        regions=regions,
        runs=runs,
        coverage=coverage,
        slowest=slowest,
        unread=unread,
        **found,
    )


def _threshold(region: str) -> float:
    return settings.get_config(region).collect.coverage_threshold


def _slowest(home: Path, runs: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The slowest tickers of each run by what its spool still tells, and the spools that can't be read."""
    rows: list[Row] = []
    unread = []
    for run in runs:
        try:
            found = spool.slowest(home / "runs" / run["run_id"], SLOWEST)
        except StoreCorrupt as error:
            unread.append(str(error))
            continue
        rows += [{"region": run["region"], "ticker": ticker, "seconds": took, "pages": pages} for ticker, took, pages in found]
    return sorted(rows, key=lambda row: -row["seconds"]), unread
