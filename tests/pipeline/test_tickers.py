"""`spock ticker`: finding listings, following and leaving out by hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import pipeline.migrations
from adapters.sandbox import control
from pipeline import tickers
from pipeline.migrations import migrations
from pipeline.store import Store

MONDAY = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
BARS_TR = "FHKST03010100"


@pytest.fixture
def filled(night_home: Callable[..., Any]) -> Any:
    """A home after a night of Korea, with its sandbox."""
    home, server = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "3"}, regions=("KR",), tickers=12)
    assert home.inside("nightly", "KR").code == 0
    home.server = server
    return home


def shown(done: Any) -> list[dict[str, Any]]:
    assert done.code == 0, done.words
    return json.loads(done.out)


@pytest.mark.parametrize("text", ["005930", "삼성전", "KR7005930003", "kr7005930003"])
def test_a_listing_is_found_by_ticker_isin_and_part_of_its_name(filled: Any, text: str) -> None:
    found = shown(filled.inside("ticker", "find", text))[0]
    assert (found["region"], found["ticker"], found["name"], found["followed"]) == ("KR", "005930", "삼성전자", True)
    assert (found["first_bar"], found["last_bar"]) == ("2026-11-18", "2026-11-20")


def test_the_nearest_comes_first_and_the_limit_holds(filled: Any) -> None:
    found = shown(filled.inside("ticker", "find", "0", "--limit", "3", "--region", "kr"))
    assert [row["followed"] for row in found] == [True] * 3


def test_an_added_listing_is_collected_by_the_next_night_and_stays_after_a_new_list(filled: Any) -> None:
    fund = next(row["ticker"] for row in shown(filled.inside("ticker", "find", "ETN")) if not row["followed"])
    assert shown(filled.inside("ticker", "add", "KR", fund.lower())) == [
        {"region": "KR", "ticker": fund, "followed": True, "note": "its history is collected by the next night"}
    ]
    control.set_clock(filled.server.url, MONDAY)
    assert filled.inside("nightly", "KR").code == 0
    bars = filled.table("ohlcv_data")
    assert bars.filter(bars["ticker"] == fund)["date"].max() == MONDAY.date()
    assert shown(filled.inside("ticker", "find", fund))[0]["followed"]


def test_a_removed_listing_is_asked_no_more_and_keeps_its_bars(filled: Any) -> None:
    before = filled.table("ohlcv_data")
    (row,) = shown(filled.inside("ticker", "remove", "KR", "000660"))
    assert (row["followed"], row["note"]) == (False, "is not asked for any more; its bars stay")
    control.set_clock(filled.server.url, MONDAY)
    control.clear_report(filled.server.url)
    done = filled.inside("nightly", "KR")
    assert (done.code, done.row["coverage"]) == (0, 1.0)
    asked = {row["code"] for row in control.report(filled.server.url, detail=True)["detail"] if row["tr"] == BARS_TR}
    assert "000660" not in asked
    assert "005930" in asked
    kept = filled.table("ohlcv_data")
    assert kept.filter(kept["ticker"] == "000660").equals(before.filter(before["ticker"] == "000660"))


def test_choosing_again_changes_nothing_and_says_so(filled: Any) -> None:
    listings = filled.table("instruments")
    (row,) = shown(filled.inside("ticker", "add", "KR", "005930"))
    assert row["note"] == "was followed already, and stays"
    assert filled.table("instruments").equals(listings)
    assert filled.inside("ticker", "remove", "KR", "005930").code == 0
    assert shown(filled.inside("ticker", "remove", "KR", "005930"))[0]["note"] == "was not followed, and stays out"


def test_a_change_of_mind_is_dated(filled: Any) -> None:
    assert filled.inside("ticker", "remove", "KR", "005930").code == 0
    listings = filled.table("instruments")
    rows = listings.filter(listings["ticker"] == "005930").sort("valid_from")
    assert rows.select("valid_from", "valid_until", "followed").rows() == [
        (dt.date(1975, 6, 11), dt.date(2026, 11, 19), True),
        (dt.date(2026, 11, 20), None, False),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "KR", "005935"), "KR: no listing '005935' in its ticker list; did you mean 005930 (삼성전자)"),
        (("remove", "KR", "삼성전"), "no listing '삼성전' in its ticker list; did you mean 005930 (삼성전자)"),
        (("add", "KR", "!"), "no listing '!' in its ticker list. Look for it with `spock ticker find TEXT`"),
        (("add", "US", "AAPL"), "no ticker list of US yet: run `spock nightly US` once"),
        (("remove", "Atlantis", "AAPL"), "unknown region 'Atlantis'"),
        (("find", "no such name"), "no listing answers 'no such name'"),
        (("find", " "), "needs a text"),
        (("find", "1", "--region", "XX"), "unknown region 'XX'"),
    ],
)
def test_what_can_not_be_taken_is_said_in_words(filled: Any, arguments: tuple[str, ...], words: str) -> None:
    done = filled.inside("ticker", *arguments)
    assert done.code == 2
    assert words in done.words


def test_a_list_that_shows_far_less_than_before_hides_nothing_and_is_told(filled: Any) -> None:
    listings = filled.table("instruments")
    missed = listings.filter(listings["venue"] == "XKRX").with_columns(ticker=pl.concat_str(pl.lit("9"), "ticker"))
    more = pl.concat([missed.with_columns(ticker=pl.concat_str(pl.lit(letter), "ticker")) for letter in "ABC"])
    with filled.store.write() as connection:
        connection.register("more", more)
        connection.execute("INSERT INTO instruments FROM more")
        connection.unregister("more")
    control.set_clock(filled.server.url, MONDAY)
    notes = filled.inside("nightly", "KR").row["notes"]
    told = f"the list shows only {missed.height} of {4 * missed.height} listings of XKRX: what it leaves out stays as it is"
    assert notes[0] == told
    kept = filled.table("instruments")
    assert kept.join(more, on="ticker", how="semi").sort("ticker").equals(more.sort("ticker"))


def test_the_same_choice_again_keeps_the_time_of_the_first(filled: Any) -> None:
    for now in ("2026-11-20T12:00:00+00:00", "2026-11-21T12:00:00+00:00"):
        assert filled.inside("ticker", "remove", "KR", "005930", SPOCK_NOW=now).code == 0
    first = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
    assert filled.table("universe_choices").rows() == [("KR", "005930", "ignore", first)]


def test_a_listing_that_has_ended_is_left_out_and_never_added(filled: Any) -> None:
    with filled.store.write() as connection:
        connection.execute("UPDATE instruments SET listed_until = DATE '2026-11-13' WHERE ticker = '005930'")
    listings = filled.table("instruments")
    done = filled.inside("ticker", "add", "KR", "005930")
    assert done.code == 2
    assert "KR: 005930 has not been listed since 2026-11-13: there is nothing to follow" in done.words
    assert filled.table("instruments").equals(listings)
    assert filled.inside("ticker", "remove", "KR", "005930").code == 0


def test_a_store_from_before_there_were_choices_takes_one(
    filled: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, rows = migrations("store"), filled.table("instruments")
    with monkeypatch.context() as older:
        older.setattr(pipeline.migrations, "migrations", lambda database: known[:1])
        old = Store(tmp_path / "old")
        with old.write() as connection:
            connection.register("rows", rows)
            connection.execute("INSERT INTO instruments FROM rows")
            connection.unregister("rows")
    changed = tickers.choose(old.home, "KR", ["000660"], choice="ignore", now=MONDAY)
    assert changed == [
        {"region": "KR", "ticker": "000660", "followed": False, "note": "is not asked for any more; its bars stay"}
    ]
    assert old.look(lambda connection: connection.table("universe_choices").fetchall()) == [("KR", "000660", "ignore", MONDAY)]
    (copy,) = (old.home / "backups").iterdir()
    with duckdb.connect(str(copy), read_only=True) as before:
        assert before.execute("SELECT max(number) FROM schema_migrations").fetchall() == [(1,)]
        assert before.table("instruments").count("*").fetchall() == [(rows.height,)]


def test_one_unknown_ticker_leaves_all_as_they_were(filled: Any) -> None:
    before = filled.table("instruments")
    assert filled.inside("ticker", "remove", "KR", "005930", "NOPE").code == 2
    assert filled.table("instruments").equals(before)
    assert filled.table("universe_choices").height == 0


def test_a_choice_taken_back_follows_the_rule_again_with_the_next_list(filled: Any) -> None:
    fund = next(row["ticker"] for row in shown(filled.inside("ticker", "find", "ETN")) if not row["followed"])
    assert filled.inside("ticker", "add", "KR", fund).code == 0
    assert filled.inside("ticker", "remove", "KR", "000660").code == 0
    note = "stays as it is until the next list, which follows the rule and the watchlist again"
    assert shown(filled.inside("ticker", "reset", "KR", fund.lower(), "000660")) == [
        {"region": "KR", "ticker": fund, "followed": True, "note": note},
        {"region": "KR", "ticker": "000660", "followed": False, "note": note},
    ]
    assert filled.table("universe_choices").height == 0
    control.set_clock(filled.server.url, MONDAY)
    assert filled.inside("nightly", "KR").code == 0
    standing = filled.table("instruments").filter(pl.col("valid_until").is_null() & pl.col("ticker").is_in([fund, "000660"]))
    assert dict(standing.select("ticker", "followed").rows()) == {fund: False, "000660": True}


def test_a_small_stock_that_was_added_and_taken_back_leaves_with_the_next_list(night_home: Callable[..., Any]) -> None:
    home, server = night_home(environment={"SPOCK_COLLECT__INITIAL_SESSIONS": "3"}, regions=("US",), tickers=12)
    assert home.inside("nightly", "US").code == 0
    unfollowed = home.table("instruments").filter(~pl.col("followed") & (pl.col("security_type") == "common"))
    small = unfollowed.filter(pl.col("value").is_null())["ticker"].min()
    assert home.inside("ticker", "add", "US", small, "AAPL").code == 0
    assert home.inside("ticker", "reset", "US", small, "AAPL").code == 0
    control.set_clock(server.url, MONDAY)
    assert home.inside("nightly", "US").code == 0
    standing = home.table("instruments").filter(pl.col("valid_until").is_null() & pl.col("ticker").is_in([small, "AAPL"]))
    assert dict(standing.select("ticker", "followed").rows()) == {"AAPL": True, small: False}


def test_taking_back_what_was_never_chosen_changes_nothing_and_says_so(filled: Any) -> None:
    listings = filled.table("instruments")
    (row,) = shown(filled.inside("ticker", "reset", "KR", "005930"))
    assert (row["followed"], row["note"]) == (True, "was never chosen by hand: the rule and the watchlist decide already")
    assert filled.table("instruments").equals(listings)


@pytest.fixture
def imported(make_home: Callable[..., Any], tmp_path: Path) -> Any:
    """A home that holds bars of a file and has never seen a provider's list."""
    home = make_home()
    file = tmp_path / "068270.csv"
    file.write_text("date,open,high,low,close,volume\n2026-11-19,100,101,99,100,1000\n2026-11-20,101,102,100,101,1001\n")
    done = home.inside("import", "csv", str(file), "--region", "KR", "--basis", "raw", "--now", "2026-11-21T12:00:00+09:00")
    assert done.code == 0, done.words
    return home


def test_a_listing_that_only_an_import_knows_is_found_and_was_never_seen(imported: Any) -> None:
    (row,) = shown(imported.inside("ticker", "find", "068270"))
    assert (row["seen_at"], row["followed"], row["first_bar"], row["last_bar"]) == (None, False, "2026-11-19", "2026-11-20")


@pytest.mark.parametrize("command", ["add", "remove", "reset"])
@pytest.mark.parametrize("ticker", ["005930", "068270"])
def test_an_import_is_no_ticker_list(imported: Any, command: str, ticker: str) -> None:
    done = imported.inside("ticker", command, "KR", ticker)
    assert done.code == 2
    assert "no ticker list of KR yet: run `spock nightly KR` once, it fetches it" in done.words


def test_finding_nothing_where_no_list_was_fetched_says_what_to_run(imported: Any) -> None:
    done = imported.inside("ticker", "find", "005930")
    assert done.code == 2
    assert "no ticker list yet: run `spock nightly KR` once" in done.words


def test_doctor_misses_no_watchlist_where_no_list_was_fetched(imported: Any) -> None:
    done = imported.inside("doctor", "--format", "json")
    assert [row for row in json.loads(done.out) if row["check"] == "watchlist"] == []


def test_an_empty_home_says_what_to_run(make_home: Callable[..., Any]) -> None:
    done = make_home().inside("ticker", "find", "AAPL")
    assert done.code == 2
    assert "no ticker list yet: run `spock nightly KR` once" in done.words
