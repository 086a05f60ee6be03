"""The way into quarantine: the first rule a row breaks, and the row as it came."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import polars as pl

from pipeline.frames import REFUSED
from pipeline.store.schemas import QUARANTINE


def first_broken(*rules: tuple[str, pl.Expr, pl.Expr]) -> list[pl.Expr]:
    """The columns `rule` and `reason` of the first of `rules` (name, condition, reason) that is broken."""
    rule: Any = pl.when(False).then(pl.lit(None, dtype=pl.String))
    reason: Any = pl.when(False).then(pl.lit(None, dtype=pl.String))
    for name, broken, why in rules:
        rule = rule.when(broken).then(pl.lit(name))
        reason = reason.when(broken).then(pl.coalesce(why, pl.lit(name)))
    return [rule.alias("rule"), reason.alias("reason")]


def quarantined(broken: pl.DataFrame, came: pl.DataFrame, run_id: str, now: dt.datetime) -> pl.DataFrame:
    """QUARANTINE of rows with their `rule` and `reason`; `came` holds the same rows as they came."""
    return broken.with_columns(
        raw=pl.Series("raw", [_as_json(row) for row in came.iter_rows(named=True)], dtype=pl.String),
        known_at=pl.lit(now, dtype=QUARANTINE["known_at"]),
        run_id=pl.lit(run_id),
    ).select(QUARANTINE.names())


def _as_json(row: dict[str, object]) -> str:
    # JSON knows no NaN and no infinity: they stand as text.
    odd = {name: str(value) for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)}
    return json.dumps({**row, **odd}, ensure_ascii=False, default=str)


def given_up(refused: pl.DataFrame, run_id: str, now: dt.datetime) -> pl.DataFrame:
    """What the adapters refused, as quarantine rows; REFUSED's columns are its beginning."""
    return (
        refused.select(REFUSED.names())
        .with_columns(known_at=pl.lit(now, dtype=QUARANTINE["known_at"]), run_id=pl.lit(run_id))
        .select(QUARANTINE.names())
    )
