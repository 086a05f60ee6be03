"""Share-count events on their way from KIS's daily rows to the adjusted view, against what the sandbox's market did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

NightHome = Callable[..., tuple[Any, Any]]

#: What befell the written-out names in 2026 (adapters/sandbox/names.py). A free issue of a fifth looks like a paid one in the
#: daily rows; the base of the capital reduction was set anew by an auction, so that the adjusted rows tell its factor.
EVENTS = [
    ("0101A0", "2026-04-13", "split", 0.2, 5.0, "confirmed"),
    ("0202B0", "2026-02-10", "rights", 1 / 1.2, 1.0, "confirmed"),
    ("0505A0", "2026-05-11", "rights", (1 + 0.3 * 0.75) / 1.3, 1.0, "confirmed"),
    ("0606B0", "2026-08-10", "capital_cut", 5.0, 0.2, "inferred"),
]
COLUMNS = ("ticker", pl.col("ex_date").cast(pl.String), "kind", "price_factor", "volume_factor", "status")


def test_a_year_of_events_reaches_the_store_once_and_evens_the_adjusted_series(night_home: NightHome, tools: Any) -> None:
    home, _ = night_home(tickers=14)
    done = home.inside("backfill", "KR", "--from", "2026-01-05", "--until", "2026-07-31")
    assert done.code == 0, done.err
    done = home.inside("backfill", "KR", "--from", "2026-08-03", "--until", "2026-11-19")
    assert done.code == 0, done.err

    actions = home.table("corporate_actions").sort("ex_date", "ticker")
    found = {row[0]: row for row in actions.select(COLUMNS).rows()}
    assert sorted(found) == [event[0] for event in EVENTS]
    for event in EVENTS:
        # The base of rights is rounded to a price unit, and the factor is the quotient it gives.
        assert found[event[0]] == (*event[:3], pytest.approx(event[3], rel=0.005), *event[4:])
    assert found["0101A0"][3] == 0.2

    assert home.table("quarantine").is_empty()

    # No step is left in the adjusted series: KRX lets no price move by more than 30% a session.
    adjusted = home.store.look(
        lambda connection: connection.sql("SELECT ticker, date, close FROM ohlcv_adjusted ORDER BY ticker, date").pl()
    )
    steps = adjusted.with_columns(step=(pl.col("close") / pl.col("close").shift().over("ticker") - 1).abs())
    assert steps.filter(pl.col("step") > 0.301).is_empty()
    raw = home.table("ohlcv_data").sort("ticker", "date")
    raw_steps = raw.with_columns(step=(pl.col("close") / pl.col("close").shift().over("ticker") - 1).abs())
    assert "0101A0" in raw_steps.filter(pl.col("step") > 0.5)["ticker"].to_list()

    # A night whose rows hold none of the dates changes none of the events.
    assert home.inside("nightly", "KR").code == 0
    assert tools.differences({"actions": actions}, {"actions": home.table("corporate_actions")}) == {}
