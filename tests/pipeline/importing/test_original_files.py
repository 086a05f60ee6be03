"""The original system's SQLite file: daily rows come in, what is derived stays out, the file is never written."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from pipeline import calendars

VALUES = ["ticker", "date", "open", "high", "low", "close", "volume", "basis", "provider", "currency", "finality"]


def test_daily_rows_are_stored_as_they_stand(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [*make.series(5), *make.series(5, "000660")]
    make.original(tmp_path / "a.db", rows)

    (row,) = make.imported(home, "sqlite", tmp_path / "a.db")

    told = ("region", "status", "read", "stored", "same", "conflicts", "explained", "refused", "repeated", "tickers")
    assert [row[name] for name in told] == ["KR", "complete", 10, 10, 0, 0, 0, 0, 0, 2]
    expected = pl.DataFrame(rows).with_columns(
        pl.col("date").str.to_date(),
        basis=pl.lit("unknown"),
        provider=pl.lit("import"),
        currency=pl.lit("KRW"),
        finality=pl.lit("final"),
    )
    assert home.table("ohlcv_data").select(VALUES).sort("ticker", "date").rows() == (
        expected.select(VALUES).sort("ticker", "date").rows()
    )


def test_a_bar_is_known_when_its_session_was_final(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    # Whose finality counts is who will be asked: KIS, where its keys are set.
    home.environment |= {"KIS_APP_KEY": "K" * 36, "KIS_APP_SECRET": "S" * 180}
    make.original(tmp_path / "a.db", [make.bar("2026-11-20"), make.bar("2026-11-20", ticker="AAPL", region="US")])

    make.imported(home, "sqlite", tmp_path / "a.db")

    known = home.table("ohlcv_data").select("region", pl.col("known_at").dt.to_string(), "finality").sort("region").rows()
    assert known == [
        ("KR", "2026-11-20 11:05:00.000000+00:00", "final"),
        ("US", "2026-11-21 03:30:00.000000+00:00", "provisional"),
    ]


def test_weeks_months_and_indicators_are_counted_and_left_out(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [*make.series(3), make.bar("2026-11-20", timeframe="W"), make.bar("2026-11-20", timeframe="M")]
    make.original(tmp_path / "a.db", [*rows, make.bar("2026-11-13", timeframe="W")])

    (row,) = make.imported(home, "sqlite", tmp_path / "a.db")

    assert (row["read"], row["not_imported"]) == (3, {"M": 1, "W": 2})
    assert row["notes"][0].startswith("not imported, derived here: ma5, ma20")
    assert home.table("ohlcv_data").height == 3


def test_each_region_of_a_file_is_a_run_of_its_own_named_after_the_file(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    make.original(path, [*make.series(3), *make.series(2, "AAPL", region="US")])
    name = hashlib.sha256(path.read_bytes()).hexdigest()[:12]

    rows = make.imported(home, "sqlite", path)

    assert [(row["run_id"], row["stored"]) for row in rows] == [(f"KR-import-{name}", 3), (f"US-import-{name}", 2)]
    runs = [(run["run_id"], run["kind"], run["status"], run["stored"]) for run in reversed(home.runs())]
    assert runs == [(f"KR-import-{name}", "import", "complete", 3), (f"US-import-{name}", "import", "complete", 2)]


def test_an_older_file_without_regions_takes_the_one_it_is_told(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.original(tmp_path / "a.db", make.series(3), region=False)

    assert "--region" in make.refused(home, "sqlite", tmp_path / "a.db")
    (row,) = make.imported(home, "sqlite", tmp_path / "a.db", "--region", "korea")

    assert (row["region"], row["stored"]) == ("KR", 3)


def test_a_row_of_no_region_is_refused_and_kept(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [*make.series(2), make.bar("2026-11-20", region=None), make.bar("2026-11-20", region="XX")]
    make.original(tmp_path / "a.db", rows)

    (row,) = make.imported(home, "sqlite", tmp_path / "a.db", code=3)

    assert (row["read"], row["stored"], row["refused_by_rule"]) == (4, 2, {"no_region": 1, "unknown_region": 1})
    kept = home.table("quarantine").select("region", "ticker", "rule", "reason").sort("rule").rows()
    assert kept == [
        ("?", "005930", "no_region", "row 3: names no region"),
        ("?", "005930", "unknown_region", "row 4: no region is called XX"),
    ]


def test_indicators_follow_what_was_imported_also_into_the_past(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.original(tmp_path / "new.db", make.series(8)[-3:])
    make.original(tmp_path / "old.db", make.series(8))
    for name, fives in (("new.db", 0), ("old.db", 4)):
        make.imported(home, "sqlite", tmp_path / name)
        daily = home.table("technical_analysis").filter(pl.col("timeframe") == "D")
        assert (daily.height, daily["ma5"].is_not_null().sum()) == (home.table("ohlcv_data").height, fives)


def test_a_region_that_is_off_is_left_in_the_file_and_told(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    home.environment["SPOCK_REGIONS__HK__STATUS"] = "off"
    make.original(tmp_path / "a.db", [*make.series(2), make.bar("2026-11-20", ticker="00700", region="HK")])

    rows = make.imported(home, "sqlite", tmp_path / "a.db", code=3)

    assert [(row["region"], row["status"], row["stored"], row["not_imported"]) for row in rows] == [
        ("HK", "not_imported", 0, {"D": 1}),
        ("KR", "complete", 2, {}),
    ]
    assert "region HK is off" in rows[0]["notes"][0]


def test_a_file_of_nothing_but_regions_that_are_off_is_refused(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    home.environment["SPOCK_REGIONS__HK__STATUS"] = "off"
    make.original(tmp_path / "a.db", [make.bar("2026-11-20", ticker="00700", region="HK")])
    assert "region HK is off" in make.refused(home, "sqlite", tmp_path / "a.db")


def test_a_region_without_a_calendar_is_refused(
    home: Any, make: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.original(tmp_path / "a.db", [make.bar("2026-11-20", ticker="BHP", region="AU")])
    monkeypatch.setattr(calendars, "FOLDER", tmp_path)
    assert "no packaged calendar for XASX" in make.refused(home, "sqlite", tmp_path / "a.db")


def test_the_log_beside_the_file_is_read_with_it(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    connection = make.original(tmp_path / "a.db", make.series(4), wal=True)
    try:
        assert (tmp_path / "a.db-wal").stat().st_size > 0
        (row,) = make.imported(home, "sqlite", tmp_path / "a.db")
    finally:
        connection.close()
    assert row["stored"] == 4


def test_the_file_is_not_written(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = make.original(path, make.series(4), wal=True)
    before = {name: (tmp_path / name).read_bytes() for name in ("a.db", "a.db-wal")}
    try:
        make.imported(home, "sqlite", path)
        assert {name: (tmp_path / name).read_bytes() for name in before} == before
    finally:
        connection.close()


def test_a_file_in_wal_mode_on_a_folder_that_can_not_be_written_is_read(
    home: Any, make: SimpleNamespace, tmp_path: Path, seal: Callable[[Path], None]
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    make.original(folder / "a.db", make.series(4), wal=True).close()
    seal(folder)
    with pytest.raises(OSError, match=r"Read-only|denied"):
        (folder / "b.db").touch()

    (row,) = make.imported(home, "sqlite", folder / "a.db")

    assert row["stored"] == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"not a database, but long enough to be one" * 30, "is not an SQLite file"), (b"", "is empty")],
    ids=["text", "empty"],
)
def test_what_is_no_database_is_refused_in_words(
    home: Any, make: SimpleNamespace, tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "a.db").write_bytes(content)
    assert words in make.refused(home, "sqlite", tmp_path / "a.db")


def test_a_database_without_the_table_is_refused_in_words(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE prices (a)")
    connection.close()
    assert "without the table ohlcv_data" in make.refused(home, "sqlite", tmp_path / "a.db")


def test_a_table_with_other_columns_is_refused_with_those_that_belong(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE ohlcv_data (ticker, date, price)")
    connection.close()
    words = make.refused(home, "sqlite", tmp_path / "a.db")
    assert "lacks timeframe, open, high, low, close, volume" in words
    assert "it has ticker, date, price" in words


def test_a_file_cut_short_is_refused_in_words_and_nothing_is_committed(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    make.original(path, make.series(2_000))
    with path.open("r+b") as file:
        file.truncate(os.path.getsize(path) // 2)

    assert "is damaged" in make.refused(home, "sqlite", path)

    assert not home.store.exists()


def test_text_where_a_number_belongs_is_refused_by_its_row(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = make.series(2)
    rows[1]["close"] = "1,234"
    make.original(tmp_path / "a.db", rows)

    (row,) = make.imported(home, "sqlite", tmp_path / "a.db", code=3)

    assert (row["stored"], row["refused_by_rule"]) == (1, {"not_a_number": 1})
    assert home.table("quarantine")["reason"].to_list() == ["row 2: close 1,234 is no number such as 1234.5"]
