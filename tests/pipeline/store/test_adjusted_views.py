"""Prices as traded, adjusted for share counts, and with cash; weeks and months; the original system's table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from pipeline.store import Store, commit_batch

SEED = Path(__file__).resolve().parents[3].parent / "shared" / "seeds" / "003_4ae7ccdbed6c8890.txt"
DAYS = ("2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19")

Values = tuple[float, int]


class Market:
    """A store of one ticker with events; `adjusted()` and `total_return()` are (close, volume) by date."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, make: SimpleNamespace) -> None:
        self.connection = connection
        self.make = make
        self._rows: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def bars(self, *closes: float, days: tuple[str, ...] = DAYS, **values: Any) -> None:
        rows = zip(days, closes, strict=True)
        self._rows += [self.make.bar(date, close, **values) for date, close in rows]

    def event(self, ex_date: str, kind: str, **values: Any) -> None:
        self._events.append(
            {
                "region": "KR",
                "ticker": "005930",
                "ex_date": ex_date,
                "seq": 1,
                "kind": kind,
                "price_factor": 1.0,
                "volume_factor": 1.0,
                "in_split_adjusted": kind not in {"rights", "spin_off", "cash", "special"},
                "cash": None,
                "currency": None if values.get("cash") is None else "KRW",
                "status": "confirmed",
                "source": "test",
                "provider": "kis",
                "known_at": self.make.NOW,
                "run_id": self.make.RUN,
                **values,
            }
        )

    def split(self, ex_date: str, shares_for_one: float, **values: Any) -> None:
        self.event(ex_date, "split", price_factor=1 / shares_for_one, volume_factor=shares_for_one, **values)

    def write(self) -> None:
        insert = (
            "INSERT INTO corporate_actions (region, ticker, ex_date, seq, kind, price_factor, volume_factor, "
            "in_split_adjusted, cash, currency, status, source, provider, known_at, run_id) VALUES ($region, $ticker, "
            "$ex_date, $seq, $kind, $price_factor, $volume_factor, $in_split_adjusted, $cash, $currency, $status, "
            "$source, $provider, $known_at, $run_id)"
        )
        self.connection.execute("BEGIN")
        commit_batch(self.connection, self.make.batch("bars", *self._rows))
        for event in self._events:
            self.connection.execute(insert, event)
        self.connection.execute("COMMIT")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def adjusted(self) -> list[Values]:
        return self._values("SELECT close, volume FROM ohlcv_adjusted WHERE ticker = '005930' ORDER BY date")

    def total_return(self) -> list[Values]:
        return self._values("SELECT close, volume FROM ohlcv_total_return WHERE ticker = '005930' ORDER BY date")

    def _values(self, query: str) -> list[Values]:
        return [(round(close, 9), volume) for close, volume in self.ask(query)]


@pytest.fixture
def market(store: Store, make: SimpleNamespace) -> Iterator[Market]:
    with duckdb.connect(str(store.path)) as connection:
        yield Market(connection, make)


def test_without_events_all_three_views_agree(market: Market) -> None:
    market.bars(100, 101, 102, 103)
    market.write()
    raw = [(100.0, 1000), (101.0, 1000), (102.0, 1000), (103.0, 1000)]
    assert market.adjusted() == market.total_return() == raw


def test_a_split_of_ten_for_one(market: Market) -> None:
    market.bars(1000, 1010, 102, 103)
    market.split(DAYS[2], 10)
    market.write()
    expected = [(100.0, 10_000), (101.0, 10_000), (102.0, 1000), (103.0, 1000)]
    assert market.adjusted() == market.total_return() == expected


def test_all_four_prices_are_adjusted_and_the_traded_value_is_not(market: Market) -> None:
    market.bars(1000, 100, days=DAYS[:2])
    market.split(DAYS[1], 10)
    market.write()
    columns = "SELECT open, high, low, close, volume, amount, basis, finality FROM ohlcv_adjusted ORDER BY date LIMIT 1"
    assert market.ask(columns) == [pytest.approx((100.0, 100.1, 99.9, 100.0, 10_000, 1_000_000.0, "raw", "final"))]


def test_a_consolidation_of_fifty_into_one_rounds_volume_to_shares(market: Market) -> None:
    market.bars(2, 100, days=DAYS[:2], volume=1_030)
    market.event(DAYS[1], "consolidation", price_factor=50.0, volume_factor=1 / 50)
    market.write()
    assert market.adjusted() == [(100.0, 21), (100.0, 1_030)]


def test_a_bonus_issue(market: Market) -> None:
    market.bars(150, 100, days=DAYS[:2])
    market.event(DAYS[1], "bonus", price_factor=2 / 3, volume_factor=1.5)
    market.write()
    assert market.adjusted() == [(100.0, 1500), (100.0, 1000)]


def test_a_split_that_a_bar_already_contains_counts_before_its_date_has_a_bar(market: Market) -> None:
    """A provider rescales its rows on the morning of the ex-date: the newest bar came so, the older ones have to follow."""
    split = {"basis": "split_adjusted"}
    market.bars(1000, 1000, days=DAYS[:2], adjusted_through=dt.date.fromisoformat(DAYS[1]), **split)
    market.bars(200, days=DAYS[2:3], volume=5000, adjusted_through=dt.date.fromisoformat(DAYS[3]), **split)
    market.split(DAYS[3], 5)
    market.write()
    assert market.adjusted() == [(200.0, 5000), (200.0, 5000), (200.0, 5000)]


@pytest.mark.parametrize("kind", ["rights", "spin_off"])
def test_rights_and_spin_offs_change_the_price_and_not_the_volume(market: Market, kind: str) -> None:
    market.bars(100, 90, days=DAYS[:2])
    market.event(DAYS[1], kind, price_factor=0.9)
    market.write()
    assert market.adjusted() == market.total_return() == [(90.0, 1000), (90.0, 1000)]


def test_events_before_a_date_do_not_touch_it_and_later_ones_multiply(market: Market) -> None:
    market.bars(1200, 600, 300, 100)
    market.split(DAYS[1], 2)
    market.event(DAYS[2], "bonus", price_factor=0.5, volume_factor=2.0)
    market.split(DAYS[3], 3)
    market.write()
    assert market.adjusted() == [(100.0, 12_000), (100.0, 6000), (100.0, 3000), (100.0, 1000)]


def test_two_events_on_one_date_multiply(market: Market) -> None:
    market.bars(1000, 90, days=DAYS[:2])
    market.split(DAYS[1], 10)
    market.event(DAYS[1], "rights", price_factor=0.9)
    market.write()
    assert market.adjusted() == [(90.0, 10_000), (90.0, 1000)]


def test_cash_is_in_total_return_only(market: Market) -> None:
    market.bars(100, 95, 96, 97)
    market.event(DAYS[1], "cash", cash=5.0)
    market.write()
    assert market.adjusted() == [(100.0, 1000), (95.0, 1000), (96.0, 1000), (97.0, 1000)]
    assert market.total_return() == [(95.0, 1000), (95.0, 1000), (96.0, 1000), (97.0, 1000)]


def test_two_dividends_on_one_date_are_one_deduction(market: Market) -> None:
    market.bars(100, 90, days=DAYS[:2])
    market.event(DAYS[1], "cash", cash=4.0)
    market.event(DAYS[1], "special", cash=6.0)
    market.write()
    assert market.total_return() == [(90.0, 1000), (90.0, 1000)]


def test_dividends_compound(market: Market) -> None:
    market.bars(100, 90, 45, 45)
    market.event(DAYS[1], "cash", cash=10.0)
    market.event(DAYS[2], "cash", cash=45.0)
    market.write()
    assert [close for close, _ in market.total_return()] == [45.0, 45.0, 45.0, 45.0]


def test_cash_and_a_split_on_one_date(market: Market) -> None:
    """1,000 with 100 to come, then ten for one: 90 a new share, the cash counted on the old share's close."""
    market.bars(1000, 90, days=DAYS[:2])
    market.split(DAYS[1], 10)
    market.event(DAYS[1], "cash", cash=100.0)
    market.write()
    assert market.adjusted() == [(100.0, 10_000), (90.0, 1000)]
    assert market.total_return() == [(90.0, 10_000), (90.0, 1000)]


def test_cash_before_a_later_split_counts_on_the_close_of_its_time(market: Market) -> None:
    market.bars(1000, 900, 90, 90)
    market.event(DAYS[1], "cash", cash=100.0)
    market.split(DAYS[2], 10)
    market.write()
    assert [close for close, _ in market.total_return()] == [90.0, 90.0, 90.0, 90.0]


def test_cash_that_is_no_part_of_the_price_gives_no_factor(market: Market) -> None:
    market.bars(100, 95, 96, 97)
    market.event(DAYS[1], "cash", cash=100.0)
    market.event(DAYS[2], "cash", cash=5.0, currency="USD")
    market.write()
    assert market.total_return() == market.adjusted()


def test_cash_after_days_without_a_bar_counts_on_the_last_close(market: Market) -> None:
    market.bars(100, 95, days=(DAYS[0], DAYS[3]))
    market.event(DAYS[2], "cash", cash=5.0)
    market.write()
    assert [close for close, _ in market.total_return()] == [95.0, 95.0]


@pytest.mark.parametrize("cash", [None, 5.0], ids=["split", "cash"])
def test_an_event_that_is_still_ahead_changes_nothing(market: Market, cash: float | None) -> None:
    market.bars(100, 101, 102, 103)
    factors = {"price_factor": 0.1, "volume_factor": 10.0} if cash is None else {"cash": cash}
    market.event("2026-11-20", "split" if cash is None else "cash", status="announced", **factors)
    market.write()
    assert market.adjusted() == market.total_return() == [(100.0 + step, 1000) for step in range(4)]


def test_an_announced_event_counts_from_its_ex_date(market: Market) -> None:
    market.bars(1000, 1010, 1020, 103)
    market.split(DAYS[3], 10, status="announced")
    market.write()
    assert [close for close, _ in market.adjusted()] == [100.0, 101.0, 102.0, 103.0]


@pytest.mark.parametrize("cash", [None, 5.0], ids=["split", "cash"])
def test_a_cancelled_event_changes_nothing(market: Market, cash: float | None) -> None:
    market.bars(100, 101, 102, 103)
    factors = {"price_factor": 0.1, "volume_factor": 10.0} if cash is None else {"cash": cash}
    market.event(DAYS[2], "split" if cash is None else "cash", status="cancelled", **factors)
    market.write()
    assert market.adjusted() == market.total_return() == [(100.0 + step, 1000) for step in range(4)]


def test_a_split_adjusted_bar_gets_only_what_came_after_its_provider_looked(market: Market) -> None:
    """Two splits: the provider's bars contain the first, not the second."""
    market.bars(200, 200, days=DAYS[:2], basis="split_adjusted", adjusted_through=market.make.day(DAYS[2]), volume=500)
    market.bars(200, 100, days=DAYS[2:])
    market.split(DAYS[1], 5)
    market.split(DAYS[3], 2)
    market.write()
    assert market.adjusted() == [(100.0, 1000), (100.0, 1000), (100.0, 2000), (100.0, 1000)]


def test_a_split_adjusted_bar_still_gets_events_its_kind_never_contains(market: Market) -> None:
    market.bars(100, days=DAYS[:1], basis="split_adjusted", adjusted_through=market.make.day(DAYS[3]))
    market.bars(90, 90, 90, days=DAYS[1:])
    market.split(DAYS[1], 10)
    market.event(DAYS[1], "rights", price_factor=0.9)
    market.write()
    assert market.adjusted() == [(90.0, 1000)] * 4


def test_an_event_on_the_day_the_provider_looked_is_contained(market: Market) -> None:
    market.bars(100, days=DAYS[:1], basis="split_adjusted", adjusted_through=market.make.day(DAYS[1]))
    market.bars(100, 100, 100, days=DAYS[1:])
    market.split(DAYS[1], 10)
    market.write()
    assert [close for close, _ in market.adjusted()] == [100.0] * 4


def test_cash_on_split_adjusted_bars_counts_on_the_close_as_traded(market: Market) -> None:
    """Traded at 1,000 and paid 100 a share; the provider shows 100 since a later split of ten for one."""
    market.bars(100, 90, 90, 90, basis="split_adjusted", adjusted_through=market.make.day(DAYS[3]))
    market.event(DAYS[1], "cash", cash=100.0)
    market.split(DAYS[2], 10)
    market.write()
    assert [close for close, _ in market.adjusted()] == [100.0, 90.0, 90.0, 90.0]
    assert [close for close, _ in market.total_return()] == [90.0, 90.0, 90.0, 90.0]


def test_events_of_another_listing_do_not_matter(market: Market) -> None:
    market.bars(100, 101, 102, 103)
    market.split(DAYS[2], 10, ticker="000660")
    market.split(DAYS[2], 10, region="CN")
    market.write()
    assert market.adjusted() == [(100.0 + step, 1000) for step in range(4)]


def test_every_bar_appears_once_in_every_view(market: Market) -> None:
    market.bars(1000, 500, 50, 45)
    market.split(DAYS[1], 2)
    market.split(DAYS[2], 10)
    market.event(DAYS[2], "rights", price_factor=0.95)
    market.event(DAYS[3], "cash", cash=5.0)
    market.write()
    for view in ("ohlcv_adjusted", "ohlcv_total_return"):
        assert market.ask(f"SELECT count(*), count(DISTINCT date) FROM {view}") == [(4, 4)]


# ---- weeks and months ----


def test_a_week_is_its_sessions_and_complete_when_the_next_has_begun(market: Market) -> None:
    """Monday 9 to Friday 13 November with a holiday, then the running week."""
    days = ("2026-11-09", "2026-11-11", "2026-11-13", "2026-11-16", "2026-11-17")
    market.bars(100, 104, 102, 103, 99, days=days)
    market.write()
    columns = "date::VARCHAR, open, high, low, close, volume, amount, sessions, complete"
    assert market.ask(f"SELECT {columns} FROM ohlcv_weekly ORDER BY date") == [
        ("2026-11-13", 100.0, 105.0, 99.0, 102.0, 3000, 306_000.0, 3, True),
        ("2026-11-17", 103.0, 104.0, 98.0, 99.0, 2000, 202_000.0, 2, False),
    ]


def test_a_month_is_dated_by_its_last_session(market: Market) -> None:
    market.bars(100, 90, 95, days=("2026-09-29", "2026-09-30", "2026-11-02"))
    market.write()
    columns = "timeframe, date::VARCHAR, open, close, sessions, complete"
    assert market.ask(f"SELECT {columns} FROM ohlcv_monthly ORDER BY date") == [
        ("M", "2026-09-30", 100.0, 90.0, 2, True),
        ("M", "2026-11-02", 95.0, 95.0, 1, False),
    ]


def test_periods_are_made_of_adjusted_bars(market: Market) -> None:
    market.bars(1000, 1010, 102, 103)
    market.split(DAYS[2], 10)
    market.write()
    columns = "open, close, volume, finality"
    assert market.ask(f"SELECT {columns} FROM ohlcv_weekly") == [(100.0, 103.0, 22_000, "final")]


def test_a_period_with_a_provisional_bar_is_provisional(market: Market) -> None:
    market.bars(100, 101, days=DAYS[:2])
    market.bars(102, days=DAYS[2:3], finality="provisional")
    market.write()
    assert market.ask("SELECT finality FROM ohlcv_weekly") == [("provisional",)]


def test_a_delisted_tickers_last_week_is_complete_once_the_region_moved_on(market: Market) -> None:
    market.bars(100, days=("2026-11-10",))
    market.bars(100, days=("2026-11-16",), ticker="000660")
    market.write()
    found = "SELECT ticker, complete FROM ohlcv_weekly ORDER BY ticker"
    assert market.ask(found) == [("000660", False), ("005930", True)]


# ---- the original system's table ----

QUERIES = (
    """SELECT * FROM ohlcv_data
WHERE region = 'US' AND ticker = 'AAPL'
ORDER BY date DESC LIMIT 250;""",
    """SELECT region, ticker, close, date
FROM ohlcv_data
WHERE ticker IN ('005930', 'AAPL', '600519')  -- Samsung (KR), Apple (US), Moutai (CN)
  AND date >= '2024-10-01'
ORDER BY region, date;""",
    """SELECT
    o1.ticker,
    o1.region,
    (o1.close - o1.ma200) / o1.ma200 * 100 AS rs_score
FROM ohlcv_data o1
WHERE o1.date = (SELECT MAX(date) FROM ohlcv_data WHERE region = o1.region)
  AND o1.ma200 IS NOT NULL
ORDER BY rs_score DESC LIMIT 50;""",
    """SELECT region, COUNT(*) as row_count, COUNT(DISTINCT ticker) as ticker_count
FROM ohlcv_data
GROUP BY region;""",
)
COLUMNS = [
    *("ticker", "region", "timeframe", "date", "open", "high", "low", "close", "volume"),
    *("ma5", "ma20", "ma60", "ma120", "ma200", "rsi_14", "macd", "macd_signal", "macd_hist"),
    *("bb_upper", "bb_middle", "bb_lower", "atr_14", "created_at"),
]


@pytest.mark.skipif(not SEED.exists(), reason="the original's document is not here")
def test_the_queries_here_are_the_originals() -> None:
    section = SEED.read_text(encoding="utf-8").split("### Query Patterns")[1].split("```")[1]
    written = [part.strip() for part in re.split(r"-- Query \d:[^\n]*\n", section)[1:]]
    assert tuple(written) == QUERIES


@pytest.fixture
def original(store: Store, make: SimpleNamespace) -> Store:
    """Three regions, two weeks, a split, and indicators."""
    names = (("KR", "005930", "KRW"), ("US", "AAPL", "USD"), ("CN", "600519", "CNY"))
    for region, ticker, currency in names:
        values = {"region": region, "ticker": ticker, "currency": currency}
        days = ("2026-11-12", "2026-11-13", "2026-11-16", "2026-11-17")
        rows = [make.bar(date, close, **values) for date, close in zip(days, (1000, 1010, 102, 110), strict=True)]
        make.commit(store, make.batch(f"bars-{region}", *rows, region=region))
    with store.write("test") as connection:
        connection.execute(
            "INSERT INTO corporate_actions (region, ticker, ex_date, seq, kind, price_factor, volume_factor, "
            "in_split_adjusted, status, source, provider, known_at, run_id) "
            "VALUES ('KR', '005930', '2026-11-16', 1, 'split', 0.1, 10, true, 'confirmed', 'test', 'kis', now(), 'run')"
        )
        connection.execute(
            "INSERT INTO technical_analysis (region, ticker, timeframe, date, ma200, provider, known_at, run_id) "
            "VALUES ('KR', '005930', 'D', '2026-11-17', 100, 'spock', now(), 'run'), "
            "('US', 'AAPL', 'D', '2026-11-17', 55, 'spock', now(), 'run'), "
            "('US', 'AAPL', 'D', '2026-11-16', 55, 'spock', now(), 'run')"
        )
    make.publish(store)
    return store


def run_original(store: Store, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with store.read() as connection:
        connection.execute("SET schema = 'original'")
        cursor = connection.execute(query)
        return [column[0] for column in cursor.description or []], cursor.fetchall()


def test_the_originals_first_query_runs_as_written(original: Store) -> None:
    names, rows = run_original(original, QUERIES[0])
    assert names == COLUMNS
    dates = [row[3] for row in rows]
    assert dates == sorted(dates, reverse=True)
    assert sorted((row[2], str(row[3]), row[7], row[13]) for row in rows) == [
        ("D", "2026-11-12", 1000.0, None),
        ("D", "2026-11-13", 1010.0, None),
        ("D", "2026-11-16", 102.0, 55.0),
        ("D", "2026-11-17", 110.0, 55.0),
        ("W", "2026-11-13", 1010.0, None),
    ]


def test_the_originals_second_query_runs_as_written(original: Store) -> None:
    _, rows = run_original(original, QUERIES[1])
    daily = [(row[0], row[1], row[2], str(row[3])) for row in rows if row[0] == "KR"]
    assert sorted(set(daily), key=lambda row: row[3]) == [
        ("KR", "005930", 100.0, "2026-11-12"),
        ("KR", "005930", 101.0, "2026-11-13"),
        ("KR", "005930", 102.0, "2026-11-16"),
        ("KR", "005930", 110.0, "2026-11-17"),
    ]
    assert [row[0] for row in rows] == ["CN"] * 5 + ["KR"] * 5 + ["US"] * 5


def test_the_originals_third_query_runs_as_written(original: Store) -> None:
    _, rows = run_original(original, QUERIES[2])
    assert rows == [("AAPL", "US", pytest.approx(100.0)), ("005930", "KR", pytest.approx(10.0))]


def test_the_originals_fourth_query_runs_as_written(original: Store) -> None:
    names, rows = run_original(original, QUERIES[3])
    assert names == ["region", "row_count", "ticker_count"]
    assert sorted(rows) == [("CN", 5, 1), ("KR", 5, 1), ("US", 5, 1)]


def test_the_originals_table_holds_complete_periods_only(original: Store) -> None:
    _, rows = run_original(original, "SELECT DISTINCT timeframe, date::VARCHAR FROM ohlcv_data WHERE timeframe <> 'D'")
    assert rows == [("W", "2026-11-13")]
