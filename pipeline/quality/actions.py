"""The rules of corporate actions: what the table could not hold is refused as it came."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from pipeline.frames import ACTIONS
from pipeline.quality.quarantine import first_broken, quarantined
from pipeline.store.schemas import QUARANTINE, STORED_ACTIONS

#: Words of the table `corporate_actions`, which allows no others.
ACTION_KINDS = (
    "split", "bonus", "stock_dividend", "rights", "spin_off", "capital_cut", "consolidation", "merger", "cash", "special",
)  # fmt: skip
ACTION_STATES = ("announced", "confirmed", "inferred", "cancelled")


@dataclass(frozen=True)
class CheckedActions:
    """Outcome of a check: received = `actions` (STORED_ACTIONS) + `quarantine` (QUARANTINE)."""

    actions: pl.DataFrame
    quarantine: pl.DataFrame


def check_actions(
    actions: pl.DataFrame,
    *,
    region: str,
    run_id: str,
    now: dt.datetime,
    listed: pl.DataFrame,
    sessions: pl.DataFrame,
) -> CheckedActions:
    """Hold corporate actions (ACTIONS) against what the store takes; `listed` and `sessions` as for `check`.

    `known_at` is the time the ex-date's session was final, as for its bar, and never after `now`.
    """
    if actions.is_empty():
        return CheckedActions(STORED_ACTIONS.to_frame(), QUARANTINE.to_frame())
    judged = (
        actions.join(listed, on="ticker", how="left", maintain_order="left")
        .join(sessions.rename({"date": "ex_date"}), on=["venue", "ex_date"], how="left", maintain_order="left")
        .with_columns(
            first_broken(
                ("wrong_region", pl.col("region") != region, pl.format("region {} in a batch of {}", "region", pl.lit(region))),
                ("unknown_ticker", pl.col("venue").is_null(), pl.format("{} was not asked for", "ticker")),
                ("bad_action", ~_WHOLE_ACTION.fill_null(False), pl.lit("a date, kind, factor or amount that can't be")),
            ),
            known_at=pl.min_horizontal(pl.col("known_at"), pl.lit(now)).cast(STORED_ACTIONS["known_at"]),
            run_id=pl.lit(run_id),
        )
    )
    refused = judged.filter(pl.col("rule").is_not_null())
    return CheckedActions(
        actions=judged.filter(pl.col("rule").is_null()).select(STORED_ACTIONS.names()),
        quarantine=quarantined(refused.rename({"ex_date": "date"}), refused.select(ACTIONS.names()), run_id, now),
    )


_POSITIVE = pl.all_horizontal((pl.col(name) > 0) & pl.col(name).is_finite() for name in ("price_factor", "volume_factor"))
_CASH = (pl.col("cash") >= 0) & pl.col("cash").is_finite() & pl.col("currency").is_not_null()
_WHOLE_ACTION = (
    pl.col("ex_date").is_not_null()
    & pl.col("in_split_adjusted").is_not_null()
    & pl.col("source").is_not_null()
    & pl.col("kind").is_in(ACTION_KINDS)
    & pl.col("status").is_in(ACTION_STATES)
    & _POSITIVE
    & pl.when(pl.col("cash").is_null()).then(pl.col("currency").is_null()).otherwise(_CASH)
)
