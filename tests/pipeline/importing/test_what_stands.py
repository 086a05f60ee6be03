"""An import only adds: what stands in the store stays, equal rows are told as the same, no ticker gets bars of two bases."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline import settings
from pipeline.collect import listings

RAW = ("--region", "KR", "--basis", "raw")


def test_a_bar_that_stands_with_the_same_values_is_the_same(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored("2026-11-19", 101.0), make.stored("2026-11-20", 102.0)])
    before = home.table("ohlcv_data").sort("date").rows()
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19", 101.0), make.bar("2026-11-20", 102.0)])

    (row,) = make.imported(home, "csv", path, *RAW)

    assert (row["read"], row["same"], row["stored"], row["conflicts"]) == (2, 2, 0, 0)
    assert home.table("ohlcv_data").sort("date").rows() == before
    assert home.table("ohlcv_revisions").is_empty()


def test_a_bar_that_stands_with_other_values_stays_and_the_row_is_told(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    make.stand(home, [make.stored("2026-11-19", 101.0), make.stored("2026-11-20", 102.0)])
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-18", 100.0), make.bar("2026-11-20", 103.0)])

    (row,) = make.imported(home, "csv", path, *RAW, code=3)

    assert (row["stored"], row["conflicts"], row["refused_by_rule"]) == (1, 1, {"differs_from_stored": 1})
    closes = home.table("ohlcv_data").sort("date").select("close", "provider").rows()
    assert closes == [(100.0, "import"), (101.0, "kis"), (102.0, "kis")]
    (reason,) = home.table("quarantine")["reason"].to_list()
    assert reason == (
        "103.0 104.0 102.0 103.0 1000 KRW in the file, 102.0 103.0 101.0 102.0 1000 KRW stored from kis: it stays"
    )
    assert home.table("ohlcv_revisions").is_empty()


def test_a_bar_of_an_earlier_import_is_not_replaced_either(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    first = make.csv(tmp_path / "one" / "005930.csv", [make.bar("2026-11-20", 100.0)])
    second = make.csv(tmp_path / "two" / "005930.csv", [make.bar("2026-11-20", 200.0)])

    make.imported(home, "csv", first, *RAW)
    (row,) = make.imported(home, "csv", second, *RAW, code=3)

    assert (row["stored"], row["conflicts"]) == (0, 1)
    assert home.table("ohlcv_data")["close"].to_list() == [100.0]


def test_a_ticker_with_bars_of_another_basis_takes_no_new_ones(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored("2026-11-19", 101.0), make.stored("2026-11-20", 102.0)])
    rows = [make.bar("2026-11-18", 100.0), make.bar("2026-11-19", 101.0), make.bar("2026-11-20", 51.0)]
    path = make.csv(tmp_path / "005930.csv", rows)

    (row,) = make.imported(home, "csv", path, "--region", "KR", code=3)

    assert (row["same"], row["refused_by_rule"]) == (1, {"mixed_basis": 2})
    assert home.table("ohlcv_data").height == 2


def test_a_file_that_mixes_bases_in_one_ticker_keeps_the_first(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [make.bar("2026-11-19", 101.0, basis="raw"), make.bar("2026-11-20", 102.0, basis="unknown")]
    path = make.csv(tmp_path / "a.csv", rows, f"{make.whole},basis")

    (row,) = make.imported(home, "csv", path, code=3)

    assert (row["stored"], row["refused_by_rule"]) == (1, {"mixed_basis": 1})
    assert home.table("ohlcv_data").select("date", "basis").rows() == [(dt.date(2026, 11, 19), "raw")]


def test_a_bar_where_a_provider_said_untraded_is_told_and_left(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    halted = {
        "region": "KR",
        "ticker": "005930",
        "date": make.last,
        "state": "halted",
        "reason": "zero open, high and low beside a close",
        "close": 100.0,
        "asked": 1,
        "provider": "kis",
        "known_at": dt.datetime(2026, 11, 20, 11, 5, tzinfo=dt.UTC),
        "run_id": "KR-night",
    }
    make.stand(home, [make.stored("2026-11-19", 101.0)], [halted])
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-20", 102.0)])

    (row,) = make.imported(home, "csv", path, *RAW, code=3)

    assert row["refused_by_rule"] == {"differs_from_stored": 1}
    assert home.table("session_states").select("state", "provider").rows() == [("halted", "kis")]


def test_a_row_that_says_untraded_where_a_bar_stands_is_told_and_left(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    make.stand(home, [make.stored("2026-11-20", 102.0)])
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-20", 102.0, open=0, high=0, low=0, volume=0)])

    (row,) = make.imported(home, "csv", path, *RAW, code=3)

    assert (row["explained"], row["conflicts"], row["refused_by_rule"]) == (0, 1, {"untraded_over_bar": 1})
    assert home.table("session_states").is_empty()


def test_a_listed_ticker_keeps_its_listing(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored("2026-11-20", 102.0)])
    before = home.table("instruments").rows()
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19", 101.0)])

    (row,) = make.imported(home, "csv", path, *RAW)

    assert row["stored"] == 1
    assert home.table("instruments").rows() == before


def test_a_ticker_nobody_lists_stands_as_listed_but_followed_and_seen_by_nobody(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19", 101.0), make.bar("2026-11-20", 102.0)])

    (row,) = make.imported(home, "csv", path, *RAW, "--venue", "XKOS")

    names = ("ticker", "valid_from", "valid_until", "venue", "security_type", "currency", "followed", "provider")
    assert home.table("instruments").select(names).rows() == [
        ("005930", dt.date(2026, 11, 19), None, "XKOS", "other", "KRW", False, "import")
    ]
    assert home.table("instruments")["seen_at"].to_list() == [dt.datetime(1970, 1, 1, tzinfo=dt.UTC)]
    (note,) = row["notes"]
    assert note == "tickers that no provider's list has shown: 1; they stand as listed on XKOS (--venue), not followed"


def test_another_currency_than_the_listings_is_refused(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored("2026-11-20", 102.0)])
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19", 101.0)])
    (row,) = make.imported(home, "csv", path, *RAW, "--currency", "USD", code=3)
    assert row["refused_by_rule"] == {"wrong_currency": 1}


def test_neither_coverage_nor_the_regions_state_is_touched(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.imported(home, "csv", make.csv(tmp_path / "005930.csv", make.series(5)), *RAW)
    assert home.table("session_coverage").is_empty()
    assert home.table("region_state").is_empty()
    assert home.table("listing_ranges").is_empty()


def test_live_files_do_not_go_into_a_store_of_the_sandbox(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = make.csv(tmp_path / "005930.csv", make.series(2))
    make.imported(home, "csv", path, *RAW)
    home.environment["SPOCK_SANDBOX_URL"] = "http://127.0.0.1:9"
    other = make.csv(tmp_path / "000660.csv", make.series(3))
    assert "this store holds live rows" in make.refused(home, "csv", other, *RAW, code=1)


def test_the_same_file_again_changes_nothing_and_says_so(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [*make.series(5), make.bar("2026-11-15")]
    path = make.csv(tmp_path / "a.csv", rows, make.whole)
    (first,) = make.imported(home, "csv", path, code=3)
    tables, runs, replica = home.business(), home.runs(), (home.path / "replica.duckdb").resolve()

    (again,) = make.imported(home, "csv", path, code=3)

    assert again == {**first, "unchanged": True, "notes": [f"imported already by run {first['run_id']}: nothing changed"]}
    after = home.business()
    assert {name: frame.rows() for name, frame in after.items()} == {name: frame.rows() for name, frame in tables.items()}
    assert (home.runs(), (home.path / "replica.duckdb").resolve()) == (runs, replica)


def test_a_file_read_another_way_is_judged_anew(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored("2026-11-20", 102.0)])
    path = make.csv(tmp_path / "005930.csv", [make.bar("2026-11-19", 101.0)])
    make.imported(home, "csv", path, "--region", "KR", code=3)

    (row,) = make.imported(home, "csv", path, *RAW)

    assert (row["read"], row["stored"], row["refused_by_rule"]) == (1, 1, {})
    assert home.table("quarantine").is_empty()


def test_readers_see_the_bars_and_the_run_once_the_import_ends(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    (row,) = make.imported(home, "csv", make.csv(tmp_path / "005930.csv", make.series(3)), *RAW)
    with home.store.read() as connection:
        assert connection.sql("SELECT count(*) FROM ohlcv_data").fetchall() == [(3,)]
        assert connection.sql("SELECT run_id, kind FROM runs").fetchall() == [(row["run_id"], "import")]


def test_a_dry_run_tells_the_same_and_writes_nothing(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [*make.series(5), make.bar("2026-11-15"), make.bar("2026-11-20", 7.0), make.bar("20.11.2026")]
    path = make.csv(tmp_path / "a.csv", rows, make.whole)

    (tried,) = make.imported(home, "csv", path, "--dry-run", code=3)

    assert not home.path.exists()
    (done,) = make.imported(home, "csv", path, code=3)
    assert tried == {**done, "dry_run": True}


def test_a_dry_run_over_a_store_tells_the_same(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored(day, 100.0 + number) for number, day in enumerate(make.sessions(3))])
    halted = make.bar(make.sessions(2)[0], 101.0, open=0, high=0, low=0, volume=0)
    rows = [make.bar(make.sessions(4)[0], 99.0), make.bar(make.sessions(3)[0], 100.0), halted, make.bar(make.last, 9.0)]
    path = make.csv(tmp_path / "005930.csv", rows)

    (tried,) = make.imported(home, "csv", path, *RAW, "--dry-run", code=3)
    assert home.table("ohlcv_data").height == 3
    (done,) = make.imported(home, "csv", path, *RAW, code=3)

    assert tried == {**done, "dry_run": True}
    assert (done["stored"], done["same"], done["conflicts"]) == (1, 1, 2)


def test_a_regions_ticker_list_is_as_old_after_an_import_as_before(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    make.imported(home, "csv", make.csv(tmp_path / "005930.csv", make.series(2)), *RAW)
    assert listings.are_stale(home.store, settings.get_config("KR"), dt.datetime.fromisoformat(make.now))


def test_two_imports_of_one_file_at_once_end_as_one(
    home: Any, make: SimpleNamespace, tools: Any, make_home: Any, tmp_path: Path
) -> None:
    path = make.csv(tmp_path / "a.csv", [row for name in ("000660", "005930") for row in make.series(80, name)], make.whole)
    make.imported(make_home("alone"), "csv", path)

    with make.in_small_batches(home, "csv", path) as one, make.in_small_batches(home, "csv", path) as other:
        ended = [process.communicate(timeout=120) and process.returncode for process in (one, other)]

    assert ended == [0, 0]
    assert tools.differences(home.business(), make_home("alone").business()) == {}


def test_one_file_under_two_names_is_one_run_and_told_once(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    files = [make.csv(tmp_path / name, make.series(2, "005930"), make.whole) for name in ("a.csv", "b.csv")]

    rows = make.imported(home, "csv", *files)

    assert [row["unchanged"] for row in rows] == [False, True]
    told = home.state_rows("SELECT run_id FROM events WHERE kind = 'region_published'")
    assert told == [(rows[0]["run_id"],)]
