"""Corporate actions into the store: one word an event, whoever tells it, and a trace of every word that was changed.

Of one ticker and ex-date, share-count events are one set and dividends another. The provider that told a set first keeps it:
another one's spelling of the same event would count twice. It changes its own set by telling another one; an event whose
factor nobody knew gives way to whoever knows it. What is told again as it stands is left alone, run and all. What another
provider tells with another factor or amount is not taken, but noted once.
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
from pipeline.store.file import rows as found_rows
from pipeline.store.incoming import incoming, require_region
from pipeline.store.schemas import QUARANTINE, STORED_ACTIONS

Row = Mapping[str, Any]

#: Amounts this near to each other are one: a provider that rescales dividends by later splits rounds them.
_SAME_CASH = 1e-4
_SAME_FACTOR = 1e-6
#: And so near are the factors of two providers that mean one: a base price is rounded to a price unit, of at most this share of
#: the price at KRX since 2010-10 (market_rules.md, KR); a ratio of shares is not.
_ONE_FACTOR = 0.005
_WORDS = ("kind", "in_split_adjusted", "currency", "status")
_FACTORS = ("ratio", "price_factor", "volume_factor")


def write_actions(
    connection: duckdb.DuckDBPyConnection, actions: pl.DataFrame, region: str, run_id: str, at: dt.datetime
) -> pl.DataFrame:
    """Write STORED_ACTIONS of one region in the caller's transaction, after the bars of the same answers.

    Returns (QUARANTINE) what somebody has to look at: `action_replaced`, the row that stood before;
    `corporate_action_suspect`, a new event whose factor is not known or that the stored bars contradict; and
    `action_contradicted`, what another provider than the one whose word stands tells otherwise.
    """
    if not actions.height:
        return QUARANTINE.to_frame()
    require_region(actions, region)
    with incoming(connection, actions, STORED_ACTIONS):
        standing = connection.sql(statement("store/standing_actions"), params={"region": region}).pl().to_dicts()
    fresh, replaced, disputed = _settled(actions.to_dicts(), standing, at)
    notes = _disputes(connection, region, disputed, run_id, at)
    if not fresh:
        return pl.DataFrame(notes, schema=QUARANTINE)
    notes += [_note(row, "action_replaced", f"{row['provider']} told it so before", run_id, at) for row in replaced]
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


def _settled(
    told: Sequence[Row], standing: Sequence[Row], at: dt.datetime
) -> tuple[list[Row], list[Row], list[tuple[Row, str]]]:
    """The rows to write, the ones they replace, and those not taken that contradict what stands, each with what differs.

    Rows are taken and replaced as whole sets, each of one ticker, ex-date and sort.
    """
    stood = _sets(standing)
    fresh: list[Row] = []
    replaced: list[Row] = []
    disputed: list[tuple[Row, str]] = []
    for key, rows in _sets(told).items():
        providers = dict.fromkeys(row["provider"] for row in rows)
        sets = [_once([row for row in rows if row["provider"] == name]) for name in providers]
        new, stands = sets[0], stood.get(key, [])
        if not stands:
            fresh += new
            stands = new
        elif _gives_way(stands, new):
            # What was told otherwise before is known so only now.
            fresh += [{**row, "known_at": at} for row in new]
            replaced += stands
            stands = new
        standing_words = f"{stands[0]['provider']} tells {_in_words(stands)}, which stands"
        disputed += [
            (row, f"{_in_words(other)}, but {standing_words}") for other in sets if _contradicts(other, stands) for row in other
        ]
    return fresh, replaced, disputed


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


def _contradicts(told: Sequence[Row], stands: Sequence[Row]) -> bool:
    """Whether another provider's set comes to another factor or amount than the one that stands, however each is spelt."""
    if told[0]["provider"] in {row["provider"] for row in stands} or any(row["status"] == "cancelled" for row in stands):
        return False
    if any(map(is_unknown, told)):
        return False
    price, volume, paid = _come_to(told)
    price_standing, volume_standing, paid_standing = _come_to(stands)
    return not (
        _close(price, price_standing, _ONE_FACTOR)
        and _close(volume, volume_standing, _ONE_FACTOR)
        and paid.keys() == paid_standing.keys()
        and all(_close(cash, paid_standing[currency], _SAME_CASH) for currency, cash in paid.items())
    )


def _come_to(rows: Iterable[Row]) -> tuple[float, float, dict[str, float]]:
    """What the events of a set do together: price factor, volume factor, cash by currency."""
    price, volume, paid = 1.0, 1.0, dict[str, float]()
    for row in rows:
        price *= row["price_factor"]
        volume *= row["volume_factor"]
        if row["cash"] is not None:
            paid[row["currency"]] = paid.get(row["currency"], 0.0) + row["cash"]
    return price, volume, paid


def _in_words(rows: Iterable[Row]) -> str:
    price, volume, paid = _come_to(rows)
    factors = [] if paid and price == volume == 1 else [f"price factor {price:.6g} and volume factor {volume:.6g}"]
    return ", ".join([*factors, *(f"{cash:.6g} {currency}" for currency, cash in sorted(paid.items()))])


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


def _disputes(
    connection: duckdb.DuckDBPyConnection, region: str, disputed: Sequence[tuple[Row, str]], run_id: str, at: dt.datetime
) -> list[dict[str, object]]:
    """Notes about rows that contradict what stands; a provider tells the same for days, and is noted once."""
    if not disputed:
        return []
    told = set(found_rows(connection, "store/contradictions_told", region=region))
    notes = [_note(row, "action_contradicted", reason, run_id, at) for row, reason in disputed]
    return [note for note in notes if (note["ticker"], note["date"], note["provider"], note["reason"]) not in told]


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
