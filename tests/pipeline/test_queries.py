"""The named queries and the Python door, on a small store whose answers a person can reckon."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import pipeline
from pipeline import queries
from pipeline.errors import NoReplica, UsageError
from pipeline.frames import INDICATORS
from pipeline.indicators.stage import derive
from pipeline.market import Market
from pipeline.store import STORED_BARS, Batch, Store, commit_batch

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
NEWEST = dt.date(2026, 11, 20)
SESSIONS = 260


def weekdays(until: dt.date, count: int) -> list[dt.date]:
    days = (until - dt.timedelta(days=n) for n in range(count * 2))
    return sorted([day for day in days if day.weekday() < 5][:count])


DAYS = weekdays(NEWEST, SESSIONS)


def series(region: str, ticker: str, currency: str, closes: list[float]) -> pl.DataFrame:
    days = DAYS[-len(closes) :]
    return pl.DataFrame(
        {
            "region": region,
            "ticker": ticker,
            "timeframe": "D",
            "date": days,
            "open": closes,
            "high": [close + 1 for close in closes],
            "low": [close - 1 for close in closes],
            "close": closes,
            "volume": [1_000] * len(days),
            "amount": [close * 1_000 for close in closes],
            "currency": currency,
            "provider": "kis",
            "basis": "raw",
            "adjusted_through": None,
            "finality": "final",
            "known_at": [dt.datetime.combine(day, dt.time(11, 5), dt.UTC) for day in days],
            "run_id": f"{region}-night",
        },
        schema=STORED_BARS,
    )


#: AAA rises by one a session and splits 2:1 ten sessions before the end; BBB stands still and pays 5 five sessions before;
#: CCC, of the other region, is young. DDD has bars behind the last complete session of its region only.
SPLIT, PAID = DAYS[-10], DAYS[-5]
AAA = [200.0 + 2 * n for n in range(SESSIONS - 10)] + [100.0 + n for n in range(SESSIONS - 10, SESSIONS)]
BARS = {
    "KR": pl.concat(
        [series("KR", "AAA", "KRW", AAA), series("KR", "BBB", "KRW", [100.0] * SESSIONS)],
    ),
    "US": pl.concat([series("US", "CCC", "USD", [10.0, 11.0, 12.0]), series("US", "DDD", "USD", [7.0])]),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("home"))
    for region, bars in BARS.items():
        with store.write("test") as connection:
            commit_batch(connection, Batch(region, f"{region}-night", region, "sandbox", NOW, bars))
    with store.write("test") as connection:
        connection.execute(
            "INSERT INTO corporate_actions (region, ticker, ex_date, seq, kind, ratio, price_factor, volume_factor, "
            "in_split_adjusted, cash, currency, status, source, provider, known_at, run_id) VALUES "
            "('KR', 'AAA', $split, 1, 'split', 2, 0.5, 2, true, NULL, NULL, 'confirmed', 'test', 'kis', $now, 'run'), "
            "('KR', 'BBB', $paid, 1, 'cash', NULL, 1, 1, false, 5, 'KRW', 'confirmed', 'test', 'kis', $now, 'run')",
            {"split": SPLIT, "paid": PAID, "now": NOW},
        )
        connection.execute(
            "INSERT INTO region_state VALUES ('KR', $newest, $newest, 1.0, 'KR-night', $now), "
            "('US', $before, $newest, 0.9, 'US-night', $now)",
            {"newest": NEWEST, "before": DAYS[-2], "now": NOW},
        )
        connection.execute(
            "INSERT INTO instruments (region, ticker, valid_from, venue, name, security_type, is_primary, currency, lot, "
            "followed, provider, seen_at, known_at, run_id) VALUES "
            "('KR', 'AAA', '2000-01-01', 'XKRX', 'Triple A', 'common', true, 'KRW', 1, true, 'kis', $now, $now, 'run'), "
            "('KR', 'ZZZ', '2000-01-01', 'XKRX', 'Sleeper', 'etf', true, 'KRW', 1, false, 'kis', $now, $now, 'run')",
            {"now": NOW},
        )
        connection.execute(
            "INSERT INTO session_coverage VALUES ('KR', 'XKRX', $newest, 4, 2, 1, 1, 0, 'KR-night'), "
            "('KR', 'XKRX', $before, 4, 4, 0, 0, 0, 'KR-night')",
            {"newest": NEWEST, "before": DAYS[-2]},
        )
        connection.execute(
            "INSERT INTO session_states VALUES "
            "('KR', 'YYY', $newest, 'gap', 'no row', NULL, 2, 'kis', $now, 'KR-night'), "
            "('KR', 'XXX', $newest, 'halted', 'zero open', 9, 1, 'kis', $now, 'KR-night')",
            {"newest": NEWEST, "now": NOW},
        )
        connection.execute(
            "INSERT INTO quarantine VALUES "
            "('KR', 'YYY', $newest, 'ohlc_order', 'high below low', '{}', 'kis', $now, 'KR-night')",
            {"newest": NEWEST, "now": NOW},
        )
    for region in BARS:
        derive(store, region=region, run_id=f"{region}-night")
    store.publish({"replica_info": pa.table({"published_at": [NOW], "as_of": [NOW], "run_id": ["KR-night"]})})
    return store.home


def answer(home: Path, name: str, *columns: str, **params: Any) -> list[tuple[Any, ...]]:
    """Some columns of a named query's rows."""
    return [tuple(row[column] for column in columns) for row in queries.run(home, name, params=params)]


# the original's four ------------------------------------------------------------------------------------------------------


def test_history_is_one_ticker_newest_first_adjusted_with_its_indicators(home: Path) -> None:
    rows = queries.run(home, "history", params={"region": "KR", "ticker": "AAA"})
    assert [row["date"] for row in rows] == DAYS[::-1][:250]
    assert [row["close"] for row in rows] == [100.0 + n for n in range(SESSIONS - 1, SESSIONS - 251, -1)]
    assert {row["volume"] for row in rows} == {1_000, 2_000}
    newest = rows[0]
    assert (newest["ma5"], newest["ma200"], newest["rsi_14"]) == (357.0, 259.5, 100.0)
    assert rows[-1]["ma200"] is None
    assert list(newest)[-2:] == ["provider", "finality"]


def test_compare_finds_a_ticker_in_whatever_region_has_it(home: Path) -> None:
    rows = answer(home, "compare", "region", "ticker", "date", "close", tickers="CCC, AAA,NONE", since=str(DAYS[-2]))
    assert rows == [
        ("KR", "AAA", DAYS[-2], 358.0),
        ("KR", "AAA", DAYS[-1], 359.0),
        ("US", "CCC", DAYS[-2], 11.0),
        ("US", "CCC", DAYS[-1], 12.0),
    ]


def test_strength_is_the_distance_from_the_long_mean_on_the_last_complete_session(home: Path) -> None:
    columns = ("region", "ticker", "date", "close", "ma200", "currency", "strength_percent", "provider")
    assert answer(home, "strength", *columns) == [
        ("KR", "AAA", NEWEST, 359.0, 259.5, "KRW", pytest.approx(100 * (359 / 259.5 - 1)), "kis"),
        ("KR", "BBB", NEWEST, 100.0, 100.0, "KRW", 0.0, "kis"),
    ]


def test_strength_adjusts_a_close_from_before_a_split(home: Path, tmp_path: Path) -> None:
    """It applies the events itself: its closes have to be those of the view, of raw and of split-adjusted bars."""
    store = Store(tmp_path)
    (tmp_path / "spock.duckdb").write_bytes((home / "spock.duckdb").read_bytes())
    then = DAYS[-11]
    with store.write("test") as connection:
        connection.execute("UPDATE region_state SET last_complete_session = ? WHERE region = 'KR'", [then])
        # BBB came adjusted for the first of these two splits; the second one was still to come.
        connection.execute(
            "UPDATE ohlcv_data SET basis = 'split_adjusted', adjusted_through = ? WHERE ticker = 'BBB' AND date <= ?",
            [DAYS[-6], then],
        )
        for ex_date, factor in ((DAYS[-8], 0.5), (DAYS[-4], 0.2)):
            connection.execute(
                "INSERT INTO corporate_actions (region, ticker, ex_date, seq, kind, ratio, price_factor, volume_factor, "
                "in_split_adjusted, status, source, provider, known_at, run_id) "
                "VALUES ('KR', 'BBB', $ex_date, 1, 'split', 2, $factor, 2, true, 'confirmed', 'test', 'kis', $now, 'run')",
                {"ex_date": ex_date, "factor": factor, "now": NOW},
            )
    store.publish({"replica_info": pa.table({"published_at": [NOW], "as_of": [NOW], "run_id": ["KR-night"]})})
    rows = answer(tmp_path, "strength", "ticker", "date", "close")
    assert sorted(rows) == [("AAA", then, 349.0), ("BBB", then, pytest.approx(20.0))]
    view = f"SELECT ticker, date, close FROM ohlcv_adjusted WHERE region = 'KR' AND date = DATE '{then}' ORDER BY ticker"
    assert sorted(rows) == [tuple(row.values()) for row in queries.run(tmp_path, view)]


def test_counts_are_bars_and_tickers_by_region(home: Path) -> None:
    assert answer(home, "counts", "region", "bars", "tickers") == [("KR", 2 * SESSIONS, 2), ("US", 4, 2)]


# the others ---------------------------------------------------------------------------------------------------------------


def test_latest_bars_are_those_of_each_regions_last_complete_session(home: Path) -> None:
    assert answer(home, "latest_bars", "region", "ticker", "name", "date", "close", "move_percent") == [
        ("KR", "AAA", "Triple A", NEWEST, 359.0, 0.28),
        ("KR", "BBB", None, NEWEST, 100.0, 0.0),
        ("US", "CCC", None, DAYS[-2], 11.0, 10.0),
    ]


def test_returns_count_dividends_and_splits(home: Path) -> None:
    rows = answer(home, "returns", "region", "ticker", "date", "return_1", "return_5", "return_20", "return_250")
    assert rows == [
        ("KR", "AAA", NEWEST, 0.28, round(100 * (359 / 354 - 1), 2), round(100 * (359 / 339 - 1), 2), 229.36),
        ("KR", "BBB", NEWEST, 0.0, round(100 * (1 / 0.95 - 1), 2), round(100 * (1 / 0.95 - 1), 2), 5.26),
        ("US", "CCC", DAYS[-2], 10.0, None, None, None),
    ]


def test_freshness_says_how_old_a_region_is(home: Path) -> None:
    columns = ("region", "last_complete_session", "last_session", "coverage", "bars", "days_old")
    assert answer(home, "freshness", *columns) == [("KR", NEWEST, NEWEST, 1.0, 2, 0), ("US", DAYS[-2], NEWEST, 0.9, 1, 1)]


def test_coverage_gaps_untraded_and_refused_name_what_is_not_there(home: Path) -> None:
    columns = ("region", "month", "sessions", "listed", "ok", "explained", "gap", "coverage")
    assert answer(home, "coverage", *columns) == [("KR", "2026-11", 2, 8, 6, 1, 1, 0.875)]
    assert answer(home, "gaps", "ticker", "date", "state", "asked") == [("YYY", NEWEST, "gap", 2)]
    assert answer(home, "untraded", "ticker", "state", "sessions") == [("XXX", "halted", 1)]
    assert answer(home, "refused", "ticker", "rule", "reason") == [("YYY", "ohlc_order", "high below low")]


def test_a_query_without_its_parameters_says_which(home: Path) -> None:
    with pytest.raises(UsageError, match=r"needs \$region \$ticker: give --param region=VALUE --param ticker=VALUE"):
        queries.run(home, "history")


# Python -------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def market(home: Path) -> Market:
    return pipeline.open(home)


def test_bars_are_adjusted_unless_asked_as_stored(market: Market) -> None:
    adjusted = market.bars("korea", "aaa", DAYS[-11], str(DAYS[-10]))
    assert adjusted.select("region", "ticker", "date", "close", "volume").rows() == [
        ("KR", "AAA", DAYS[-11], 349.0, 2_000),
        ("KR", "AAA", DAYS[-10], 350.0, 1_000),
    ]
    stored = market.bars("KR", "AAA", DAYS[-11], DAYS[-10], False)
    assert stored.select("date", "close", "volume", "basis").rows() == [
        (DAYS[-11], 698.0, 1_000, "raw"),
        (DAYS[-10], 350.0, 1_000, "raw"),
    ]
    assert adjusted.schema == {
        **dict.fromkeys(("region", "ticker"), pl.String),
        "date": pl.Date,
        **dict.fromkeys(("open", "high", "low", "close"), pl.Float64),
        "volume": pl.Int64,
        "amount": pl.Float64,
        **dict.fromkeys(("currency", "provider", "finality"), pl.String),
        "known_at": pl.Datetime("us", "UTC"),
        "run_id": pl.String,
    }


def test_bars_of_several_tickers_and_of_all(market: Market) -> None:
    assert market.bars("KR", ["BBB", "AAA"], NEWEST)["ticker"].to_list() == ["AAA", "BBB"]
    assert market.bars("US").height == 4
    assert market.bars("VN").is_empty()


def test_latest_has_the_last_complete_session_with_indicators(market: Market) -> None:
    latest = market.latest("KR")
    assert latest.select("ticker", "name", "date", "close", "ma200").rows() == [
        ("AAA", "Triple A", NEWEST, 359.0, 259.5),
        ("BBB", None, NEWEST, 100.0, 100.0),
    ]
    assert set(INDICATORS) <= set(latest.columns)
    assert market.latest("VN").is_empty()


def test_the_universe_is_what_is_followed_or_listed(market: Market) -> None:
    assert market.universe("KR")["ticker"].to_list() == ["AAA"]
    assert market.universe("KR", listed=True)["ticker"].to_list() == ["AAA", "ZZZ"]


def test_sql_takes_text_names_and_parameters(market: Market) -> None:
    assert market.sql("SELECT count(*) AS bars FROM ohlcv_data WHERE region = $region", region="US").item() == 4
    assert market.sql("counts").equals(pl.DataFrame(queries.run(market.home, "counts")))
    assert market.as_of == NOW


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda market: market.bars("XX", "AAA"), "XX"),
        (lambda market: market.bars("KR", "NONE"), "KR has no ticker 'NONE'"),
        (lambda market: market.bars("KR", 5930), "ticker 5930 is no text"),
        (lambda market: market.bars("KR", ["AAA", "NONE"]), "'NONE'"),
        (lambda market: market.bars("KR", "AAA", "2026-13-01"), "start '2026-13-01' is no day"),
        (lambda market: market.bars("KR", "AAA", end=NOW), "end .* give a day"),
        (lambda market: market.bars("KR", "AAA", "2026-02-01", "2026-01-01"), "ends before it starts"),
        (lambda market: market.sql("nothing"), "no query is named 'nothing'"),
        (lambda market: market.sql("SELECT $a"), r"needs \$a"),
        (lambda market: market.sql("SELECT 1; SELECT 2"), "more than one statement"),
        (lambda market: market.sql("SELECT nonsense FROM ohlcv_data"), "nonsense"),
        (lambda market: market.sql("DELETE FROM ohlcv_data"), "read-only"),
    ],
)
def test_what_cannot_be_answered_is_said(market: Market, ask: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ask(market)


def test_a_home_that_published_nothing_says_what_to_run(tmp_path: Path) -> None:
    with pipeline.open(tmp_path) as market, pytest.raises(NoReplica, match="spock nightly"):
        market.latest("KR")


def test_a_market_sees_what_is_published_after_it_was_opened(home: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    (tmp_path / "spock.duckdb").write_bytes((home / "spock.duckdb").read_bytes())
    later = NOW + dt.timedelta(days=1)
    market = pipeline.open(tmp_path)
    found = []
    for moment in (NOW, later):
        store.publish({"replica_info": pa.table({"published_at": [moment], "as_of": [moment], "run_id": ["x"]})})
        found.append(market.as_of)
    assert found == [NOW, later]


def test_importing_the_package_costs_nothing_heavy() -> None:
    script = "import sys, pipeline; print(sorted({'polars', 'duckdb', 'pydantic', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
