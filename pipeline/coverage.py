"""Coverage: the cells that should hold a bar against those that do, and where that leaves the region.

A cell is (ticker, session) inside a listing. Coverage = 1 − (gap + quarantined) ÷ listed; a cell explained as untraded is
covered. A run succeeds by this number alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from pipeline.doubts import DOUBT_AFTER
from pipeline.statements import statement
from pipeline.store.file import registered, rows


@dataclass(frozen=True)
class Coverage:
    """Cells of a run by outcome; `tickers` followed and listed at least once in it, `sessions` distinct dates.

    `newest` is the coverage of the run's last session alone (1 where nothing was listed any more).
    """

    sessions: int
    tickers: int
    listed: int
    ok: int
    explained: int
    gap: int
    quarantined: int
    newest: float = 1.0

    @property
    def ratio(self) -> float:
        """1 − (gap + quarantined) ÷ listed; 0 where nothing was expected at all: a night over nothing is no success."""
        return 1 - (self.gap + self.quarantined) / self.listed if self.listed else 0.0


def settle(
    connection: duckdb.DuckDBPyConnection,
    *,
    region: str,
    run_id: str,
    provider: str,
    sessions: pl.DataFrame,
    tickers: pl.DataFrame,
    reasons: pl.DataFrame,
    threshold: float,
    follows: dt.date | None,
    now: dt.datetime,
) -> Coverage:
    """Write what the cells of `sessions` (SESSIONS) came to: gaps, coverage by session, the region's state.

    `tickers` (ticker) are the names the run was for: one that was added meanwhile waits for the next. `reasons` (ticker,
    reason) says why tickers stayed without an answer. `follows` is the session before the run's first: the region's last
    complete session moves on only from there. Inside the caller's transaction.
    """
    cells = sessions.select("venue", "date", "known_at")
    with registered(connection, sessions=cells, reasons=reasons, counted=tickers):
        connection.execute(statement("store/delete_gaps_outside"), {"region": region})
        connection.execute(statement("store/doubt_inferred"), {"region": region, "silent": DOUBT_AFTER})
        connection.execute(statement("store/expected_cells"), {"region": region})
        connection.execute(statement("store/insert_gaps"), {"region": region, "run_id": run_id, "provider": provider})
        connection.execute(statement("store/replace_coverage"), {"region": region, "run_id": run_id})
        connection.execute(statement("store/covered"), {"region": region})
    by_session = rows(connection, "store/coverage_by_session")
    newest = dict(by_session).get(sessions["date"].max(), 1.0)
    counted = replace(Coverage(*rows(connection, "store/coverage_counts")[0]), newest=newest)
    _move_on(connection, region, run_id, counted.ratio, by_session, threshold, follows, now)
    return counted


def _move_on(
    connection: duckdb.DuckDBPyConnection,
    region: str,
    run_id: str,
    ratio: float,
    by_session: list[tuple[dt.date, float]],
    threshold: float,
    follows: dt.date | None,
    now: dt.datetime,
) -> None:
    standing = rows(connection, "store/region_state", region=region)
    last_complete, last_session = (standing[0][0], standing[0][1]) if standing else (None, None)
    newest = by_session[-1][0] if by_session else None
    if last_complete is None or follows is None or last_complete >= follows:
        for date, session_ratio in by_session:
            if session_ratio < threshold:
                break
            last_complete = date if last_complete is None else max(last_complete, date)
    connection.execute(
        statement("store/replace_region_state"),
        {
            "region": region,
            "last_complete_session": last_complete,
            "last_session": max((date for date in (last_session, newest) if date is not None), default=None),
            "coverage": ratio,
            "run_id": run_id,
            "updated_at": now,
        },
    )
