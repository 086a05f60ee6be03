"""The batches of a run, in order, and what one of them comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import polars as pl

from pipeline.importing.judging import CELL, Judge, Judged, Standing, standing
from pipeline.importing.staging import BATCH_ROWS, Part, Staging
from pipeline.store import QUARANTINE, SESSION_STATES, STORED_BARS
from pipeline.universe import LISTINGS


@dataclass(frozen=True)
class Step:
    """One batch: a part of the rows, or a page of those that could not be read (of `region`, from `offset`)."""

    batch_id: str
    part: Part | None = None
    region: str = ""
    offset: int = 0

    def rows(self, staged: Staging) -> pl.DataFrame:
        """The batch's rows: ORDERED of a part, else UNREAD."""
        return staged.rows_of(self.part) if self.part is not None else staged.unread_of(self.region, self.offset)

    def judged(self, rows: pl.DataFrame, judge: Judge, stands: Standing) -> Judged:
        """What the batch's `rows` come to beside what stands."""
        if self.part is not None:
            return judge.judge(rows, stands)
        nothing = {"bars": STORED_BARS, "explained": SESSION_STATES, "unlisted": LISTINGS}
        frames = {name: pl.DataFrame(schema=schema) for name, schema in nothing.items()}
        refused = judge.stamped(rows) if rows.height else pl.DataFrame(schema=QUARANTINE)
        return Judged(**frames, quarantine=refused, repeated=0)

    def standing(self, connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, judge: Judge) -> Standing:
        """What the store holds beside the batch's `rows`; rows that could not be read stand beside nothing."""
        return Standing() if self.part is None else standing(connection, judge.config.region, rows)


def steps(staged: Staging, region: str, unread: Sequence[str], prefix: str) -> list[Step]:
    """The batches of a run over `region`; rows that could not be read are those of the regions `unread`."""
    parts = [part for part in staged.parts() if part.region == region]
    found = [Step(f"{prefix}{number:06d}", part) for number, part in enumerate(parts, start=1)]
    for code, count in staged.unread().items():
        for offset in range(0, count if code in unread else 0, BATCH_ROWS):
            found.append(Step(f"{prefix}{len(found) + 1:06d}", region=code, offset=offset))
    # A file may hold nothing but weeks and months of a region: its run is an empty batch.
    return found or [Step(f"{prefix}{1:06d}", region=region)]


def standing_already(judged: Judged, stands: Standing) -> tuple[int, int]:
    """How many bars of a judged batch stand already, and how many of its explained cells hold a bar."""
    return judged.bars.join(stands.bars, on=CELL, how="semi").height, denied_cells(judged, stands).height


def denied_cells(judged: Judged, stands: Standing) -> pl.DataFrame:
    """The explained cells (ticker, date) of a judged batch that hold a bar: the bar stays."""
    return judged.explained.join(stands.bars, on=CELL, how="semi").select(CELL)
