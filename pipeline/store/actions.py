"""Corporate actions into the store: one word an event, whoever tells it, and a trace of every word that was changed.

Of one ticker and ex-date, share-count events are one set and dividends another. The provider that told a set first keeps it:
another one's spelling of the same event would count twice. It changes its own set by telling another one; an event whose
factor nobody knew gives way to whoever knows it. What is told again as it stands is left alone, run and all.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

import duckdb
import polars as pl

from pipeline.frames import CASH_KINDS
from pipeline.statements import statement
from pipeline.store.incoming import incoming, require_region
from pipeline.store.schemas import QUARANTINE, STORED_ACTIONS

Row = Mapping[str, Any]

#: Amounts this near to each other are one: a provider that rescales dividends by later splits rounds them.
_SAME_CASH = 1e-4
_SAME_FACTOR = 1e-6
_WORDS = ("kind", "in_split_adjusted", "currency", "status")
_FACTORS = ("ratio", "price_factor", "volume_factor")


def write_actions(
    connection: duckdb.DuckDBPyConnection, actions: pl.DataFrame, region: str, run_id: str, at: dt.datetime
) -> pl.DataFrame:
    """Write STORED_ACTIONS of one region in the caller's transaction, after the bars of the same answers.

    Returns (QUARANTINE) what somebody has to look at: `action_replaced`, the row that stood before, and
    `corporate_action_suspect`, a new event whose factor is not known or that the stored bars contradict.
    """
    if not actions.height:
        return QUARANTINE.to_frame()
    require_region(actions, region)
    with incoming(connection, actions, STORED_ACTIONS):
        standing = connection.sql(statement("store/standing_actions"), params={"region": region}).pl().to_dicts()
    fresh, replaced = _settled(actions.to_dicts(), standing, at)
    if not fresh:
        return QUARANTINE.to_frame()
    notes = [_note(row, "action_replaced", f"{row['provider']} told it so before", run_id, at) for row in replaced]
    notes += [
        _note(row, "corporate_action_suspect", f"{row['kind']}: factor not known, earlier prices stay as they are", run_id, at)
        for row in fresh
        if is_unknown(row)
    ]
    with incoming(connection, pl.DataFrame(fresh, STORED_ACTIONS), STORED_ACTIONS):
        if replaced:
            connection.execute(statement("store/delete_actions"), {"region": region})
        connection.execute(statement("store/insert_actions"))
        doubted = connection.execute(statement("store/contradicted_actions"), {"region": region}).fetchall()
    notes += [
        _note(
            row,
            "corporate_action_suspect",
            f"factor {row['price_factor']:g}, but closes go from {last:g} to {first:g}",
            run_id,
            at,
        )
        for ticker, ex_date, last, first in doubted
        for row in fresh
        if (row["ticker"], row["ex_date"]) == (ticker, ex_date) and row["price_factor"] != 1
    ]
    return pl.DataFrame(notes, schema=QUARANTINE)


def is_unknown(row: Row) -> bool:
    """Whether an event is told without what it does to prices: no factor and no cash."""
    return row["price_factor"] == 1 and row["volume_factor"] == 1 and row["cash"] is None


def _settled(told: Sequence[Row], standing: Sequence[Row], at: dt.datetime) -> tuple[list[Row], list[Row]]:
    """The rows to write and the ones they replace: whole sets, each of one ticker, ex-date and sort."""
    stood = _sets(standing)
    fresh: list[Row] = []
    replaced: list[Row] = []
    for key, rows in _sets(told).items():
        new = _once([row for row in rows if row["provider"] == rows[0]["provider"]])
        old = stood.get(key, [])
        if not old:
            fresh += new
        elif _gives_way(old, new):
            # What was told otherwise before is known so only now.
            fresh += [{**row, "known_at": at} for row in new]
            replaced += old
    return fresh, replaced


def _sets(rows: Iterable[Row]) -> dict[tuple[str, dt.date, bool], list[Row]]:
    def key(row: Row) -> tuple[str, dt.date, bool]:
        return row["ticker"], row["ex_date"], row["kind"] in CASH_KINDS

    return {found: list(members) for found, members in groupby(sorted(rows, key=key), key)}


def _once(rows: Sequence[Row]) -> list[Row]:
    """The rows of a set without repeats."""
    kept: list[Row] = []
    for row in rows:
        if not any(_same(row, other) for other in kept):
            kept.append(row)
    return kept


def _gives_way(old: Sequence[Row], new: Sequence[Row]) -> bool:
    """Whether the set that stands is replaced by the one told now."""
    if any(row["status"] == "cancelled" for row in old):
        return False
    if any(map(is_unknown, new)) and not any(map(is_unknown, old)):
        return False
    if new[0]["provider"] not in {row["provider"] for row in old}:
        return all(map(is_unknown, old)) and not any(map(is_unknown, new))
    return len(old) != len(new) or not all(any(_same(row, other) for other in old) for row in new)


def _same(one: Row, other: Row) -> bool:
    return (
        all(one[name] == other[name] for name in _WORDS)
        and all(_close(one[name], other[name], _SAME_FACTOR) for name in _FACTORS)
        and _close(one["cash"], other["cash"], _SAME_CASH)
    )


def _close(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=tolerance)


def _note(row: Row, rule: str, reason: str, run_id: str, at: dt.datetime) -> dict[str, object]:
    """A QUARANTINE row about an action."""
    return {
        "region": row["region"],
        "ticker": row["ticker"],
        "date": row["ex_date"],
        "rule": rule,
        "reason": f"{row['kind']} of {row['ex_date']} ({row['source']}): {reason}",
        "raw": json.dumps(row, ensure_ascii=False, default=str),
        "provider": row["provider"],
        "known_at": at,
        "run_id": run_id,
    }
