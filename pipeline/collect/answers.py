"""From what providers answered to a batch the store can commit: rows through the rules, silences as session states."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from pipeline import quality
from pipeline.collect.sessions import closed_sessions
from pipeline.collect.spool import Fetched
from pipeline.frames import ACTIONS, BARS, REFUSED
from pipeline.settings import RegionConfig
from pipeline.statements import statement
from pipeline.store import LISTING_RANGES, SESSION_STATES, Batch, Store
from pipeline.store.file import registered

if TYPE_CHECKING:
    import duckdb

#: A night commits whole sessions together up to about so many rows: one ordinary night is one transaction a session.
_GROUP_ROWS = 100_000

_SILENCES = pl.Schema(
    {
        "ticker": pl.String(),
        "venue": pl.String(),
        "date": pl.Date(),
        "state": pl.String(),
        "reason": pl.String(),
        "asked": pl.Int32(),
        "provider": pl.String(),
    }
)


@dataclass(frozen=True)
class Checker:
    """Makes batches of one run: rows are held against the sessions that have closed at `now`, up to `target`."""

    config: RegionConfig
    run_id: str
    origin: str
    target: dt.date
    now: dt.datetime

    def batch(
        self,
        batch_id: str,
        answers: Sequence[Fetched],
        other_units: pl.DataFrame,
        only: Sequence[dt.date] | None = None,
        *,
        rest: bool = True,
    ) -> Batch:
        """Everything of `answers`, or of the sessions `only`.

        `other_units`: what the function of that name found of them. Rows without a date, listing ranges and corporate
        actions go with the `rest`.
        """
        received = pl.concat([answer.bars for answer in answers] or [pl.DataFrame(schema=BARS)])
        refused = pl.concat([answer.refused for answer in answers] or [pl.DataFrame(schema=REFUSED)])
        oldest = min((answer.unit.start for answer in answers), default=self.target)
        sessions = closed_sessions(self.config, oldest, self.target, self.now)
        silences = self._silences(answers, sessions)
        beside = None
        if only is not None:
            older = received.filter(pl.col("date") < min(only, default=self.target))
            beside = older.filter(pl.col("date") == pl.col("date").max())
            received = received.filter(pl.col("date").is_in(only))
            refused = refused.filter(pl.col("date").is_in(only) | (pl.col("date").is_null() & rest))
            silences = silences.filter(pl.col("date").is_in(only))
        checked = quality.check(
            received,
            refused,
            region=self.config.region,
            run_id=self.run_id,
            now=self.now,
            listed=_listed(answers),
            sessions=sessions,
            beside=beside,
            other_units=other_units,
        )
        told = quality.check_actions(
            pl.concat([answer.actions for answer in answers] if answers and rest else [ACTIONS.to_frame()]),
            region=self.config.region,
            run_id=self.run_id,
            now=self.now,
            listed=_listed(answers),
            sessions=sessions,
        )
        return Batch(
            batch_id=batch_id,
            run_id=self.run_id,
            region=self.config.region,
            origin=self.origin,
            committed_at=self.now,
            bars=checked.bars,
            explained=checked.explained,
            inferred=pl.concat([silences, checked.open_cells]).unique(
                subset=["ticker", "date"], keep="first", maintain_order=True
            ),
            quarantine=pl.concat([checked.quarantine, told.quarantine]),
            ranges=self._ranges(answers) if rest else pl.DataFrame(schema=LISTING_RANGES),
            repeated=checked.repeated,
            actions=told.actions,
        )

    def _silences(self, answers: Sequence[Fetched], sessions: pl.DataFrame) -> pl.DataFrame:
        rows = [
            (
                answer.unit.ticker,
                answer.unit.venue,
                silence.date,
                silence.state,
                silence.reason,
                silence.asked,
                answer.provider,
            )
            for answer in answers
            for silence in answer.silences
        ]
        return (
            pl.DataFrame(rows, schema=_SILENCES, orient="row")
            .join(sessions, on=["venue", "date"], how="inner")
            .with_columns(
                region=pl.lit(self.config.region),
                close=pl.lit(None, dtype=pl.Float64),
                run_id=pl.lit(self.run_id),
            )
            .select(SESSION_STATES.names())
        )

    def _ranges(self, answers: Sequence[Fetched]) -> pl.DataFrame:
        """What the answers show of listings' ranges: of tickers never asked before, and of those that ended."""
        rows = [
            (
                self.config.region,
                answer.unit.ticker,
                answer.unit.start,
                answer.first_session,
                answer.last_session,
                answer.evidence,
                answer.provider,
                self.now,
                self.run_id,
            )
            for answer in answers
            if answer.walked and (not answer.unit.known_before or answer.last_session is not None)
        ]
        return pl.DataFrame(rows, schema=LISTING_RANGES, orient="row")


def other_units(store: Store, region: str, answers: Sequence[Fetched]) -> pl.DataFrame:
    """The sessions of `answers` whose rows are of another unit (OTHER_UNITS), beside what stands in the store now."""
    judged = [answer for answer in answers if (answer.bars["basis"] == "split_adjusted").any()]
    if not judged:
        return quality.OTHER_UNITS.to_frame()
    bars = pl.concat([answer.bars for answer in judged])
    actions = pl.concat([answer.actions for answer in judged])
    return quality.other_units(bars, actions, store.look(partial(_standing_closes, region=region, bars=bars), "units"))


def _standing_closes(connection: duckdb.DuckDBPyConnection, *, region: str, bars: pl.DataFrame) -> pl.DataFrame:
    span = {"region": region, "first": bars["date"].min(), "last": bars["date"].max()}
    with registered(connection, came=bars.select("ticker", "date").drop_nulls().unique()):
        found: pl.DataFrame = connection.sql(statement("store/standing_closes"), params=span).pl()
    return found.cast(quality.STANDING_CLOSES)


def session_groups(answers: Sequence[Fetched]) -> Iterator[list[dt.date]]:
    """The sessions of rows and silences, oldest first, whole and together up to about `_GROUP_ROWS` rows."""
    counted: dict[dt.date, int] = {}
    for answer in answers:
        for dates in (answer.bars["date"], answer.refused["date"].drop_nulls()):
            for day in dates.to_list():
                counted[day] = counted.get(day, 0) + 1
        for silence in answer.silences:
            counted[silence.date] = counted.get(silence.date, 0) + 1
    group: list[dt.date] = []
    size = 0
    for day, count in sorted(counted.items()):
        if group and size + count > _GROUP_ROWS:
            yield group
            group, size = [], 0
        group.append(day)
        size += count
    if group:
        yield group


def _listed(answers: Sequence[Fetched]) -> pl.DataFrame:
    listings = {(answer.unit.ticker, answer.unit.venue, answer.unit.currency) for answer in answers}
    return pl.DataFrame(sorted(listings), schema=quality.LISTED, orient="row")
