"""What `spock export` writes, `spock import` takes back: the same bars in another home."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_exported_bars_come_back_as_they_were(
    home: Any, make_home: Callable[..., Any], make: SimpleNamespace, tmp_path: Path, kind: str
) -> None:
    days = make.sessions(4)
    bars = [make.stored(day, 100 + 1 / 3 + number) for number, day in enumerate(days[:3])]
    make.stand(home, [*bars, make.stored(days[3], 104.0, amount=None, finality="provisional")])
    assert home.inside("publish").code == 0
    path = tmp_path / f"bars.{kind}"
    assert home.inside("export", "--region", "KR", "-o", str(path)).code == 0
    other = make_home("other")

    (row,) = make.imported(other, kind, path)

    assert (row["read"], row["stored"], row["refused"]) == (4, 4, 0)
    ours, theirs = (one.table("ohlcv_data").drop("run_id").sort("date") for one in (home, other))
    assert ours.equals(theirs), pl.concat([ours, theirs])


def test_exported_bars_into_the_same_home_are_all_the_same(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    make.stand(home, [make.stored(day, 100.0 + number) for number, day in enumerate(make.sessions(3))])
    assert home.inside("publish").code == 0
    path = tmp_path / "bars.parquet"
    assert home.inside("export", "--region", "KR", "-o", str(path)).code == 0

    (row,) = make.imported(home, "parquet", path)

    assert (row["same"], row["stored"], row["status"]) == (3, 0, "complete")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_adjusted_bars_are_not_taken_for_raw_ones(home: Any, make: SimpleNamespace, tmp_path: Path, kind: str) -> None:
    make.stand(home, [make.stored("2026-11-20", 100.0)])
    assert home.inside("publish").code == 0
    path = tmp_path / f"bars.{kind}"
    assert home.inside("export", "--region", "KR", "--adjusted", "-o", str(path)).code == 0

    if kind == "parquet":
        assert "derived prices are not imported" in make.refused(home, "parquet", path)
    else:
        (row,) = make.imported(home, "csv", path, code=3)
        assert row["refused_by_rule"] == {"bad_basis": 1}


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_live_bars_do_not_go_into_a_home_of_a_sandbox(
    home: Any, make_home: Callable[..., Any], make: SimpleNamespace, tmp_path: Path, kind: str
) -> None:
    make.stand(home, [make.stored("2026-11-20", 100.0)])
    assert home.inside("publish").code == 0
    path = tmp_path / f"bars.{kind}"
    assert home.inside("export", "--region", "KR", "-o", str(path)).code == 0
    other = make_home("other")
    other.environment["SPOCK_SANDBOX_URL"] = "http://127.0.0.1:9"
    words = {"parquet": "was exported from a store of live rows", "csv": "its line 2 is a row of origin live"}
    assert words[kind] in make.refused(other, kind, path, code=1)
    assert not other.store.exists()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_one_row_of_a_sandbox_keeps_a_file_out_of_a_live_home(
    home: Any, make: SimpleNamespace, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"bars.{kind}"
    frame = pl.DataFrame(make.series(3)).with_columns(origin=pl.Series(["live", None, " Sandbox"]))
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)

    place = {"csv": "line 4", "parquet": "row 3"}[kind]

    assert f"its {place} is a row of origin sandbox and this import is live" in make.refused(home, kind, path, code=1)
    assert not home.store.exists()


def test_rows_that_say_their_origin_are_taken_where_it_is_ours(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    rows = [{**row, "origin": origin} for row, origin in zip(make.series(3), ("live", "", "moon"), strict=True)]
    path = make.csv(tmp_path / "a.csv", rows, f"{make.whole},origin")

    (row,) = make.imported(home, "csv", path, code=3)

    assert (row["stored"], row["refused_by_rule"]) == (2, {"bad_origin": 1})
    assert home.table("quarantine")["reason"].to_list() == ["line 4: origin moon: live or sandbox"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [([[1.0]], "list<"), ([{"a": 1.0}], "struct<"), ([b"\xff"], "binary"), ([dt.timedelta(1)], "duration")],
    ids=["list", "struct", "bytes", "duration"],
)
def test_a_column_that_holds_no_single_values_is_refused_by_name(
    home: Any, make: SimpleNamespace, tmp_path: Path, values: list[Any], kind: str
) -> None:
    pl.DataFrame(make.series(1)).with_columns(pl.Series("close", values)).write_parquet(tmp_path / "a.parquet")
    words = make.refused(home, "parquet", tmp_path / "a.parquet")
    assert f"column 'close' is {kind}" in words.replace("large_", "")


def test_a_parquet_file_of_other_hands_is_read(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    frame = pl.DataFrame(make.series(3)).with_columns(
        pl.col("date").str.to_datetime("%Y-%m-%d"), pl.col("volume").cast(pl.Float64)
    )
    frame.select("date", "open", "high", "low", "close", "volume").write_parquet(tmp_path / "005930.parquet")
    (row,) = make.imported(home, "parquet", tmp_path / "005930.parquet", "--region", "KR")
    assert row["stored"] == 3


def test_moments_of_a_timezone_are_no_sessions(home: Any, make: SimpleNamespace, tmp_path: Path) -> None:
    frame = pl.DataFrame(make.series(2)).with_columns(pl.col("date").str.to_datetime("%Y-%m-%d", time_zone="UTC"))
    frame.drop("timeframe").write_parquet(tmp_path / "a.parquet")
    (row,) = make.imported(home, "parquet", tmp_path / "a.parquet", code=3)
    assert (row["stored"], row["refused_by_rule"]) == (0, {"bad_date": 2})


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_damaged_parquet_file_is_refused_in_words(
    home: Any, make: SimpleNamespace, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(make.series(50)).write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"no parquet" * 20, "empty": b""}[damage])
    words = make.refused(home, "parquet", path)
    assert ("is empty" if damage == "empty" else "is no whole Parquet file") in words


def test_a_parquet_file_whose_pages_are_damaged_is_refused_and_nothing_is_committed(
    home: Any, make: SimpleNamespace, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame(make.series(500)).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)
    assert "is no whole Parquet file" in make.refused(home, "parquet", path)
    assert not home.store.exists()
