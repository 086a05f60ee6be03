"""The stage over a real store: what it writes, when it writes again, and what it leaves alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from pipeline.frames import INDICATORS
from pipeline.indicators import compute
from pipeline.indicators.stage import DIGITS, derive
from pipeline.store import STORED_ACTIONS, STORED_BARS, Batch, Store, commit_batch

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
#: Weekdays from a Monday on.
FIRST = dt.date(2024, 1, 1)


def weekdays(count: int, first: dt.date = FIRST) -> list[dt.date]:
    days = (first + dt.timedelta(days=n) for n in range(count * 2))
    return [day for day in days if day.weekday() < 5][:count]


def series(ticker: str, dates: Sequence[dt.date], run_id: str, *, region: str = "KR", price: float = 100.0) -> pl.DataFrame:
    rng = Random(ticker)
    rows = []
    for date in dates:
        price = round(price * (1 + rng.uniform(-0.03, 0.03)), 2)
        rows.append((date, price, price + 1, price - 1, price))
    return (
        pl.DataFrame(rows, schema=["date", "open", "high", "low", "close"], orient="row")
        .with_columns(
            region=pl.lit(region),
            ticker=pl.lit(ticker),
            timeframe=pl.lit("D"),
            volume=pl.lit(1_000, dtype=pl.Int64),
            amount=pl.lit(None, dtype=pl.Float64),
            currency=pl.lit("KRW"),
            provider=pl.lit("kis"),
            basis=pl.lit("raw"),
            adjusted_through=pl.lit(None, dtype=pl.Date),
            finality=pl.lit("final"),
            known_at=pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(hours=11),
            run_id=pl.lit(run_id),
        )
        .select(STORED_BARS.names())
    )


def commit(store: Store, run_id: str, bars: pl.DataFrame) -> None:
    (region,) = bars["region"].unique().to_list()
    with store.write("test") as connection:
        commit_batch(connection, Batch(run_id, run_id, region, "sandbox", NOW, bars))


def split(store: Store, ticker: str, ex_date: dt.date, run_id: str) -> None:
    """A commit of `run_id` that brings a 2:1 split and no bar."""
    event = pl.DataFrame(
        {
            **{"region": "KR", "ticker": ticker, "ex_date": ex_date, "kind": "split", "ratio": 2.0, "price_factor": 0.5},
            **{"volume_factor": 2.0, "in_split_adjusted": True, "cash": None, "currency": None, "status": "confirmed"},
            **{"source": "test", "provider": "kis", "known_at": NOW, "run_id": run_id},
        },
        schema=STORED_ACTIONS,
    )
    none = pl.DataFrame(schema=STORED_BARS)
    with store.write("test") as connection:
        commit_batch(connection, Batch(f"{run_id} events", run_id, "KR", "sandbox", NOW, none, actions=event))


def table(store: Store, query: str = "FROM technical_analysis ORDER BY ALL") -> pl.DataFrame:
    return store.look(lambda connection: connection.sql(query).pl())


def expected(store: Store, view: str = "ohlcv_adjusted", where: str = "true") -> pl.DataFrame:
    """What the whole history gives, to the digits that are stored."""
    found = table(store, f"SELECT region, ticker, timeframe, date, high, low, close FROM {view} WHERE {where} ORDER BY ALL")
    return compute(found).with_columns(pl.col(*INDICATORS).round_sig_figs(DIGITS))


def same(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    assert found.select("region", "ticker", "date").equals(wanted.select("region", "ticker", "date"))
    for name in INDICATORS:
        assert found[name].is_null().equals(wanted[name].is_null()), name
        values = wanted[name].drop_nulls().to_list()
        assert found[name].drop_nulls().to_list() == pytest.approx(values, rel=1e-6, abs=1e-6), name


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_every_bar_gets_its_indicators_and_every_complete_week_and_month(store: Store) -> None:
    commit(store, "one", pl.concat([series("A", weekdays(300), "one"), series("B", weekdays(30), "one")]))
    done = derive(store, region="KR", run_id="one")
    daily = table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ticker, date")
    same(daily, expected(store))
    assert daily.select("provider", "known_at", "run_id").equals(
        table(store, "SELECT provider, known_at, run_id FROM ohlcv_data ORDER BY ticker, date")
    )
    for timeframe, view in (("W", "ohlcv_weekly"), ("M", "ohlcv_monthly")):
        found = table(store, f"FROM technical_analysis WHERE timeframe = '{timeframe}' ORDER BY ticker, date")
        same(found, expected(store, view, "complete"))
        assert found.height
    assert (done.tickers, done.rows) == (2, table(store).height)


def test_the_same_run_again_changes_nothing(store: Store) -> None:
    commit(store, "one", series("A", weekdays(120), "one"))
    derive(store, region="KR", run_id="one")
    before = table(store)
    derive(store, region="KR", run_id="one")
    assert table(store).equals(before)


def test_a_night_writes_new_rows_of_changed_tickers_and_no_others(store: Store) -> None:
    days = weekdays(400)
    commit(store, "one", pl.concat([series("A", days[:-1], "one"), series("B", days[:-1], "one")]))
    derive(store, region="KR", run_id="one")
    before = table(store)
    commit(store, "two", series("A", days, "two")[-1:])
    done = derive(store, region="KR", run_id="two")
    after = table(store)
    assert (done.rows, done.tickers) == (1, 1)
    assert after.filter(pl.col("run_id") == "one").equals(before)
    newest = after.filter(pl.col("run_id") == "two")
    assert newest.select("ticker", "timeframe", "date").rows() == [("A", "D", days[-1])]
    same(newest, expected(store, where="ticker = 'A'")[-1:])


def test_a_week_is_written_for_every_ticker_once_the_next_one_has_begun(store: Store) -> None:
    days = weekdays(11)
    commit(store, "one", pl.concat([series("A", days[:10], "one"), series("B", days[:8], "one")]))
    derive(store, region="KR", run_id="one")
    weeks = "SELECT ticker, date FROM technical_analysis WHERE timeframe = 'W' ORDER BY ALL"
    assert table(store, weeks).rows() == [("A", days[4]), ("B", days[4])]
    # B rests; its last week is over all the same when A trades on Monday.
    commit(store, "two", series("A", days, "two")[-1:])
    derive(store, region="KR", run_id="two")
    assert table(store, weeks).rows() == [("A", days[4]), ("A", days[9]), ("B", days[4]), ("B", days[7])]


def test_a_bar_healed_later_moves_the_date_of_its_week(store: Store) -> None:
    days = weekdays(11)
    whole = series("A", days, "one")
    commit(store, "one", whole.filter(pl.col("date") != days[4]))
    derive(store, region="KR", run_id="one")
    weeks = "SELECT date FROM technical_analysis WHERE timeframe = 'W' ORDER BY ALL"
    assert table(store, weeks).rows() == [(days[3],), (days[9],)]
    commit(store, "two", whole.filter(pl.col("date") == days[4]).with_columns(run_id=pl.lit("two")))
    derive(store, region="KR", run_id="two")
    assert table(store, weeks).rows() == [(days[4],), (days[9],)]
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ALL"), expected(store))


def test_a_split_redoes_its_ticker_and_no_other(store: Store) -> None:
    days = weekdays(450)
    commit(store, "one", pl.concat([series("A", days, "one"), series("B", days, "one")]))
    derive(store, region="KR", run_id="one")
    split(store, "A", days[-20], "two")
    done = derive(store, region="KR", run_id="two")
    assert done.tickers == 1
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ticker, date"), expected(store))
    assert table(store, "SELECT DISTINCT ticker, run_id FROM technical_analysis ORDER BY ALL").rows() == [
        ("A", "two"),
        ("B", "one"),
    ]


def test_an_announced_split_counts_from_its_ex_date(store: Store) -> None:
    days = weekdays(60)
    commit(store, "one", series("A", days[:-1], "one"))
    split(store, "A", days[-1], "one")
    derive(store, region="KR", run_id="one")
    before = table(store)
    commit(store, "two", series("A", days, "two")[-1:])
    derive(store, region="KR", run_id="two")
    assert not table(store).filter(pl.col("date") < days[-1]).equals(before)
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ALL"), expected(store))


def test_a_restated_bar_changes_what_follows_it(store: Store) -> None:
    days = weekdays(350)
    first = series("A", days, "one")
    commit(store, "one", first)
    derive(store, region="KR", run_id="one")
    changed = first[330:331].with_columns(close=pl.col("close") + 0.5, run_id=pl.lit("two"))
    commit(store, "two", changed)
    derive(store, region="KR", run_id="two")
    daily = table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ALL")
    same(daily, expected(store))
    assert daily.group_by("run_id").len().sort("run_id").rows() == [("one", 330), ("two", 20)]


def test_bars_whose_run_was_cut_off_are_caught_up_by_the_next(store: Store) -> None:
    commit(store, "cut off", series("A", weekdays(50), "cut off"))
    commit(store, "next", series("B", weekdays(50), "next"))
    derive(store, region="KR", run_id="next")
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ticker, date"), expected(store))


def test_older_bars_of_a_run_that_was_cut_off_are_caught_up_by_the_next(store: Store) -> None:
    """A backfill is killed after its commits; the night of the next day has another id."""
    days = weekdays(80)
    whole = series("A", days, "night one")
    commit(store, "night one", whole[-20:])
    derive(store, region="KR", run_id="night one")
    commit(store, "backfill", whole[:-20].with_columns(run_id=pl.lit("backfill")))
    commit(store, "night two", series("B", days[-1:], "night two"))
    derive(store, region="KR", run_id="night two")
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ticker, date"), expected(store))


def test_a_run_that_commits_more_after_its_indicators_is_followed_again(store: Store) -> None:
    days = weekdays(60)
    whole = series("A", days, "one")
    commit(store, "one", whole[30:])
    derive(store, region="KR", run_id="one")
    with store.write("test") as connection:
        commit_batch(connection, Batch("one, again", "one", "KR", "sandbox", NOW, whole[:30]))
    derive(store, region="KR", run_id="two")
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ticker, date"), expected(store))


def test_an_event_that_is_taken_back_redoes_its_ticker(store: Store) -> None:
    days = weekdays(60)
    commit(store, "one", series("A", days, "one"))
    split(store, "A", days[-20], "one")
    derive(store, region="KR", run_id="one")
    commit(store, "two", series("B", days[-1:], "two"))
    with store.write("test") as connection:
        connection.execute("UPDATE corporate_actions SET price_factor = 1, volume_factor = 1, run_id = 'two'")
    derive(store, region="KR", run_id="two")
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ticker, date"), expected(store))


def test_regions_are_left_alone_by_each_other(store: Store) -> None:
    both: Any = {region: series("A", weekdays(40), "one", region=region) for region in ("KR", "US")}
    for region, bars in both.items():
        commit(store, f"one-{region}", bars)
    derive(store, region="KR", run_id="one")
    assert table(store, "SELECT DISTINCT region FROM technical_analysis").rows() == [("KR",)]


def test_a_name_that_rested_for_years_keeps_its_long_means(store: Store) -> None:
    days = weekdays(900)
    traded = [*days[:250], days[-2], days[-1]]
    commit(store, "one", series("A", traded[:-1], "one"))
    derive(store, region="KR", run_id="one")
    commit(store, "two", series("A", traded, "two")[-1:])
    derive(store, region="KR", run_id="two")
    same(table(store, "FROM technical_analysis WHERE timeframe = 'D' ORDER BY ALL"), expected(store))
