"""CSV files: rows are taken as they are written or refused with their line; nothing is guessed."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


def test_a_file_is_the_ticker_of_its_name(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    files = [make.csv(tmp_path / f"{ticker}.csv", make.series(3, ticker)) for ticker in ("005930", "000660")]

    rows = make.imported(home, "csv", *files, "--region", "KR", "--basis", "raw", "--provider", "hand")

    assert [(row["tickers"], row["stored"]) for row in rows] == [(1, 3), (1, 3)]
    stored = home.table("ohlcv_data").group_by("ticker", "basis", "provider").len().sort("ticker").rows()
    assert stored == [("000660", "raw", "hand", 3), ("005930", "raw", "hand", 3)]


def test_two_tickers_with_the_same_rows_are_two_imports(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    files = [make.csv(tmp_path / f"{ticker}.csv", make.series(3)) for ticker in ("005930", "000660")]
    rows = make.imported(home, "csv", *files, "--region", "KR")
    assert [row["stored"] for row in rows] == [3, 3]


def test_a_file_with_tickers_and_regions_needs_no_option(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = make.csv(tmp_path / "all.csv", [*make.series(2), *make.series(3, "AAPL", region="usa")], make.whole)
    rows = make.imported(home, "csv", path)
    assert [(row["region"], row["stored"]) for row in rows] == [("KR", 2), ("US", 3)]


def test_a_file_with_regions_keeps_its_own(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = make.csv(tmp_path / "all.csv", make.series(3, "AAPL", region="US"), make.whole)
    (row,) = make.imported(home, "csv", path, "--region", "KR")
    assert (row["region"], row["stored"]) == ("US", 3)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("20.11.2026,1,1,1,1,1", "bad_date"),
        ("11/20/2026,1,1,1,1,1", "bad_date"),
        ("2026-02-30,1,1,1,1,1", "bad_date"),
        ("2026-11-20T09:00:00,1,1,1,1,1", "bad_date"),
        (",1,1,1,1,1", "bad_date"),
        ('2026-11-20,"1,234.5",1300,1200,1250,1', "not_a_number"),
        ('2026-11-20,"93,52",94,93,94,1', "not_a_number"),
        ("2026-11-20,1,1,1,1,1.46M", "not_a_number"),
        ("2026-11-20,1,1,1,1", "wrong_fields"),
        ("2026-11-20,1,1,1,1,1,1", "wrong_fields"),
        ("2026-11-20,1,1,1,,1", "missing_field"),
        ("2026-11-20,1,1,1,1,", "missing_field"),
        ("2026-11-20,nan,1,1,1,1", "not_finite"),
        ("2026-11-20,1,inf,1,1,1", "not_finite"),
        ("2026-11-20,-1,1,1,1,1", "non_positive_price"),
        ("2026-11-20,1,1,1,1,-5", "negative_volume"),
        ("2026-11-20,1,1,1,1,1.5", "fractional_volume"),
        ("2026-11-20,1,1,1,1,99999999999999999999", "out_of_range"),
        ("2026-11-20,1e300,1e300,1e300,1e300,1", "out_of_range"),
        ("2026-11-20,5,4,3,4,1", "ohlc_order"),
        ("2026-11-23,1,1,1,1,1", "future_bar"),
        ("9999-12-31,1,1,1,1,1", "future_bar"),
        ("2026-11-15,1,1,1,1,1", "closed_day"),
        ("1999-12-28,1,1,1,1,1", "outside_calendar"),
    ],
)
def test_a_bad_line_is_refused_by_its_rule_and_the_others_stay(
    home: Any, make: SimpleNamespace, tmp_path: Path, line: str, rule: str
) -> None:
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19", 101.0), make.bar("2026-11-18")])
    path.write_text(path.read_text() + line + "\n")

    (row,) = make.imported(home, "csv", path, "--region", "KR", code=3)

    assert (row["read"], row["stored"], row["refused_by_rule"]) == (3, 2, {rule: 1})
    (kept,) = home.table("quarantine").rows(named=True)
    assert (kept["region"], kept["ticker"], kept["rule"], kept["run_id"]) == ("KR", "005930", rule, row["run_id"])


def test_a_refused_line_is_kept_with_its_number_and_as_it_came(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19")])
    path.write_text(path.read_text() + '2026-11-20,"1,234",1300,1200,1250,7\n')

    make.imported(home, "csv", path, "--region", "KR", code=3)

    kept = home.table("quarantine").select("reason", "raw").rows()
    raw = '{"line": 3, "date": "2026-11-20", "open": "1,234", "high": "1300", "low": "1200", "close": "1250", "volume": "7"}'
    assert kept == [("line 3: open 1,234 is no number such as 1234.5", raw)]


def test_of_two_rows_for_one_key_the_first_is_kept(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    first, second = make.bar("2026-11-19", 100.0), make.bar("2026-11-19", 200.0)
    path = make.csv(tmp_path / "005930.csv", [first, make.bar("2026-11-18", 99.0), second, first])

    (row,) = make.imported(home, "csv", path, "--region", "KR", code=3)

    assert (row["stored"], row["repeated"], row["refused_by_rule"]) == (2, 1, {"conflicting_rows": 1})
    assert home.table("ohlcv_data").sort("date")["close"].to_list() == [99.0, 100.0]


def test_untraded_sessions_are_explained(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    halted = make.bar("2026-11-20", 100.0, open=0, high=0, low=0, volume=0)
    flat = make.bar("2026-11-19", 100.0, open=100.0, high=100.0, low=100.0, volume=0)
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-18"), flat, halted])

    (row,) = make.imported(home, "csv", path, "--region", "KR")

    assert (row["read"], row["stored"], row["explained"]) == (3, 1, 2)
    assert home.table("session_states").sort("date")["state"].to_list() == ["no_trade", "halted"]


def test_a_ticker_that_can_be_none_of_the_region_is_refused(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = make.csv(tmp_path / "aapl.csv", make.series(2))
    (row,) = make.imported(home, "csv", path, "--region", "US", code=3)
    assert (row["stored"], row["refused_by_rule"]) == (0, {"bad_ticker": 2})
    assert home.table("quarantine")["reason"].to_list()[0] == "line 2: aapl is no ticker of US: write it in capitals"


def test_a_name_in_lower_case_is_the_ticker_that_is_listed_in_capitals(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    lower = make.csv(tmp_path / "aapl.csv", make.series(3)[:2])
    make.imported(home, "csv", lower, "--region", "US", code=3)
    make.imported(home, "csv", make.csv(tmp_path / "AAPL.csv", make.series(3, region="US")), "--region", "US")

    (row,) = make.imported(home, "csv", lower, "--region", "US")

    assert (row["same"], row["refused_by_rule"], row["unchanged"]) == (2, {}, False)
    assert row["notes"] == ["taken as AAPL: the file is called aapl.csv, and AAPL is a listing of the region"]


def test_a_ticker_that_differs_only_in_its_hyphen_from_a_listing_is_told(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    make.imported(home, "csv", make.csv(tmp_path / "BRK.B.csv", make.series(2, region="US")), "--region", "US")
    other = make.csv(tmp_path / "BRK-B.csv", make.series(2, region="US"))

    (tried,) = make.imported(home, "csv", other, "--region", "US", "--dry-run")
    (row,) = make.imported(home, "csv", other, "--region", "US")

    assert row["notes"][1] == "BRK-B: did you mean BRK.B? That is listed here already"
    assert tried["notes"] == row["notes"]


@pytest.mark.parametrize(
    ("date", "why"),
    [
        ("2025-02-30", "there is no such day"),
        ("2026-11-20T09:00:00", "a time where only a day belongs: write it as YYYY-MM-DD"),
        ("20.11.2026", "write it as YYYY-MM-DD"),
    ],
)
def test_a_date_that_is_none_is_told_why(
    home: Any, make: SimpleNamespace, tmp_path: Path, date: str, why: str
) -> None:
    make.imported(home, "csv", make.csv(tmp_path / "005930.csv", [make.bar(date)]), "--region", "KR", code=3)
    assert home.table("quarantine")["reason"].to_list() == [f"line 2: date {date}: {why}"]


def test_the_first_and_last_day_are_those_of_rows_that_were_taken(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    good = [make.bar("2026-11-18", 101.0), make.bar("2026-11-19", 102.0)]
    unread = make.bar("2026-11-19", 102.0, open="1.2.3")
    bad = [make.bar("2026-11-15"), make.bar("2026-11-17", low=300.0), make.bar("2026-11-20", low=300.0), unread]
    path = make.csv(tmp_path / "005930.csv", [*bad, *good, make.bar("2026-11-18", 7.0)])

    (tried,) = make.imported(home, "csv", path, "--region", "KR", "--dry-run", code=3)
    (row,) = make.imported(home, "csv", path, "--region", "KR", code=3)

    assert (row["first"], row["last"]) == ("2026-11-18", "2026-11-19")
    assert tried == {**row, "dry_run": True}


def test_a_home_that_can_not_be_made_is_said_in_words(make_home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    home = make_home()
    home.environment["SPOCK_HOME"] = str(tmp_path / "file" / "home")
    path = make.csv(tmp_path / "005930.csv", make.series(2))
    assert "can't be made (Not a directory): point SPOCK_HOME" in make.refused(home, "csv", path, "--region", "KR", code=1)


def test_a_dry_run_of_a_region_that_is_off_says_it_is_one(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    home.environment["SPOCK_REGIONS__HK__STATUS"] = "off"
    path = make.csv(tmp_path / "all.csv", [*make.series(2), make.bar("2026-11-20", ticker="00700", region="HK")], make.whole)
    rows = make.imported(home, "csv", path, "--dry-run", code=3)
    assert [(row["region"], row["status"], row["dry_run"]) for row in rows] == [
        ("HK", "not_imported", True),
        ("KR", "complete", True),
    ]


def test_a_byte_order_mark_blanks_and_capitals_in_the_header_do_no_harm(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    path = tmp_path / "005930.csv"
    path.write_text("\ufeffDate, Open,High,Low,Close,Volume\r\n2026-11-20 , 10,11, 9,10.5,1000.0\r\n\r\n")
    (row,) = make.imported(home, "csv", path, "--region", "KR")
    assert row["stored"] == 1
    assert home.table("ohlcv_data").select("close", "volume").rows() == [(10.5, 1000)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["is empty"]),
        ("date,open,high,low,close,volume\n", ["holds no rows"]),
        ("date,price\n2026-11-20,1\n", ["lacks 'open', 'high', 'low', 'close', 'volume'", "unknown 'price'"]),
        ("date,open,high,low,close,adj close,volume\n", ["has unknown 'adj close'", "Columns that belong: date,open"]),
        ("date,open,high,low,close,volume,close\n", ["names twice 'close'"]),
        ("# Ticker: RHM\ndate,open\n", ["has unknown '# ticker: rhm'"]),
        ('date,open,high,low,close,volume\n2026-11-20,"1"x,1,1,1,1\n', ["line 2 is no CSV"]),
    ],
    ids=["empty", "header", "missing", "unknown", "twice", "comment", "quotes"],
)
def test_a_file_of_another_shape_is_refused_in_words(
    home: Any, make: SimpleNamespace, tmp_path: Path, content: str, words: list[str]
) -> None:
    path = tmp_path / "005930.csv"
    path.write_text(content)
    said = make.refused(home, "csv", path, "--region", "KR")
    assert [word for word in words if word not in said] == []
    assert not home.store.exists()


def test_bytes_that_are_no_utf8_are_refused_in_words(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "005930.csv"
    path.write_bytes(b"date,open,high,low,close,volume\n" + "2026-11-20,1,1,1,1,삼성\n".encode("euc-kr"))
    assert "UTF-8" in make.refused(home, "csv", path, "--region", "KR")


def test_a_folder_a_missing_file_and_a_pipe_are_refused_in_words(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is a folder" in make.refused(home, "csv", tmp_path, "--region", "KR")
    assert "there is no such file" in make.refused(home, "csv", tmp_path / "none.csv", "--region", "KR")
    assert "no regular file" in make.refused(home, "csv", tmp_path / "pipe.csv", "--region", "KR")


def test_one_bad_file_among_several_stops_the_import_before_it_begins(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    good = make.csv(tmp_path / "005930.csv", make.series(2))
    (tmp_path / "000660.csv").write_text("nonsense\n")
    assert "000660.csv" in make.refused(home, "csv", good, tmp_path / "000660.csv", "--region", "KR")
    assert not home.store.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--region"),
        (("--region", "ATLANTIS"), "ATLANTIS"),
        (("--region", "HK"), "region HK is off"),
        (("--region", "KR", "--basis", "split_adjusted"), "needs --adjusted-through"),
        (("--region", "KR", "--adjusted-through", "2026-11-20"), "goes with --basis split_adjusted"),
        (("--region", "KR", "--adjusted-through", "today"), "YYYY-MM-DD"),
        (("--region", "KR", "--currency", "won"), "three capital letters"),
        (("--region", "KR", "--provider", "Me & I"), "lower case"),
        (("--region", "KR", "--provider", "kis"), "give a name of your own"),
        (("--region", "KR", "--basis", "split_adjusted", "--adjusted-through", "2026-11-22"), "is after today, 2026-11-21"),
        (("--region", "KR", "--venue", "XNYS"), "the venues of KR are XKRX, XKOS"),
    ],
)
def test_options_that_can_not_be_taken_are_refused_in_words(
    home: Any, make: SimpleNamespace, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    home.environment["SPOCK_REGIONS__HK__STATUS"] = "off"
    path = make.csv(tmp_path / "005930.csv", make.series(2))
    # The pattern of Hong Kong's tickers has five digits: the file's rows are refused there, its region before them.
    assert words in make.refused(home, "csv", path, *options)
    assert not home.store.exists()


def test_split_adjusted_bars_say_through_when(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = make.csv(tmp_path / "005930.csv", make.series(2))
    make.imported(home, "csv", path, "--region", "KR", "--basis", "split_adjusted", "--adjusted-through", "2026-11-20")
    assert home.table("ohlcv_data").select("basis", "adjusted_through").unique().rows() == [("split_adjusted", make.last)]
