"""Bars of the newest replica as a file: what is in it, what it says about itself, what is refused in words."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline import __version__, calendars
from pipeline.store import STORED_BARS, Batch, commit_batch
from pipeline.store.lock import write_lock

AT = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
DAYS = calendars.calendar("XKRX").window(4, dt.date(2026, 11, 20))


def stored(ticker: str, day: dt.date, close: float) -> dict[str, Any]:
    prices = {"open": close, "high": close + 1, "low": close - 1, "close": close}
    known_at = dt.datetime.combine(day, dt.time(11, 5), tzinfo=dt.UTC)
    texts = {"currency": "KRW", "provider": "kis", "basis": "raw", "finality": "final", "run_id": "KR-night"}
    row = {"region": "KR", "ticker": ticker, "timeframe": "D", "date": day, "volume": 1_000, "amount": 1_000 * close}
    return row | prices | texts | {"adjusted_through": None, "known_at": known_at}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Any:
    """A home with two tickers, one of them split in two on the last day, and a replica; nothing in this module changes it."""
    folder = tmp_path_factory.mktemp("exporting")
    home = tools.home(folder / "home", folder / "machine")
    bars = [stored(ticker, day, 100.0 + number) for ticker in ("000660", "005930") for number, day in enumerate(DAYS)]
    with home.store.write("test") as connection:
        frame = pl.DataFrame(bars, schema=STORED_BARS)
        commit_batch(connection, Batch("one", "KR-night", "KR", "live", AT, frame))
        connection.execute(
            "INSERT INTO corporate_actions (region, ticker, ex_date, seq, kind, ratio, price_factor, volume_factor,"
            " in_split_adjusted, status, source, provider, known_at, run_id)"
            " VALUES ('KR', '005930', ?, 1, 'split', 2, 0.5, 2, true, 'confirmed', 'test', 'kis', ?, 'KR-night')",
            [DAYS[3], AT],
        )
    assert home.inside("publish", SPOCK_NOW="2026-11-20T21:00:00+09:00").code == 0
    return home


def exported(home: Any, *arguments: Any) -> dict[str, Any]:
    done = home.inside("export", *map(str, arguments))
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    found: dict[str, Any] = row
    return found


def test_a_parquet_file_holds_the_stored_bars_in_order(filled: Any, tmp_path: Path) -> None:
    row = exported(filled, "--region", "korea", "-o", tmp_path / "a.parquet")

    table = filled.table("ohlcv_data").sort("ticker", "date")
    written = pl.read_parquet(tmp_path / "a.parquet")
    assert written.columns == list(STORED_BARS)
    assert written.cast(table.schema).equals(table)
    told = ("region", "table", "rows", "tickers", "first", "last", "currency", "as_of")
    ends = (str(DAYS[0]), str(DAYS[3]))
    assert tuple(row[name] for name in told) == ("KR", "ohlcv_data", 8, 2, *ends, "KRW", "2026-11-20T12:00:00+00:00")


def test_a_parquet_file_says_what_it_is(filled: Any, tmp_path: Path) -> None:
    exported(filled, "--region", "KR", "-o", tmp_path / "a.parquet")

    file = pq.read_metadata(tmp_path / "a.parquet")

    told = {key.decode(): value.decode() for key, value in file.metadata.items() if key.startswith(b"spock.")}
    assert told == {
        "spock.region": "KR",
        "spock.table": "ohlcv_data",
        "spock.currency": "KRW",
        "spock.origin": "live",
        "spock.as_of": "2026-11-20T12:00:00+00:00",
        "spock.first": str(DAYS[0]),
        "spock.last": str(DAYS[3]),
        "spock.version": __version__,
    }
    assert {file.row_group(0).column(number).compression for number in range(file.num_columns)} == {"ZSTD"}


def test_a_csv_file_holds_the_same_rows(filled: Any, tmp_path: Path) -> None:
    exported(filled, "--region", "KR", "-o", tmp_path / "a.csv")
    table = filled.table("ohlcv_data").sort("ticker", "date")
    written = pl.read_csv(tmp_path / "a.csv", schema_overrides={"ticker": pl.String, "date": pl.Date})
    assert written.columns == [*STORED_BARS, "origin"]
    assert written["origin"].unique().to_list() == ["live"]
    same = ["ticker", "date", "open", "high", "low", "close", "volume", "amount", "basis", "finality"]
    assert written.select(same).equals(table.select(same))


def test_tickers_and_days_can_be_chosen(filled: Any, tmp_path: Path) -> None:
    span = ("--from", DAYS[1], "--to", DAYS[2])
    row = exported(filled, "--region", "KR", "--ticker", "005930", *span, "-o", tmp_path / "a.parquet")
    assert row["rows"] == 2
    found = pl.read_parquet(tmp_path / "a.parquet").select("ticker", "date").rows()
    assert found == [("005930", DAYS[1]), ("005930", DAYS[2])]


def test_adjusted_bars_are_those_of_the_view_and_say_so(filled: Any, tmp_path: Path) -> None:
    row = exported(filled, "--region", "KR", "--ticker", "005930", "--adjusted", "-o", tmp_path / "a.parquet")

    written = pl.read_parquet(tmp_path / "a.parquet")
    assert row["table"] == "ohlcv_adjusted"
    assert written["close"].to_list() == [50.0, 50.5, 51.0, 103.0]
    assert written["volume"].to_list() == [2_000, 2_000, 2_000, 1_000]
    assert written["basis"].unique().to_list() == ["adjusted"]


def test_a_file_that_is_there_stays_unless_told_otherwise(filled: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("mine")

    done = filled.inside("export", "--region", "KR", "-o", str(path))

    assert (done.code, path.read_text()) == (2, "mine")
    assert "--force" in done.words
    assert exported(filled, "--region", "KR", "-o", path, "--force")["rows"] == 8
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_a_link_is_written_through(filled: Any, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    path, link = tmp_path / "there" / "a.csv", tmp_path / "link.csv"
    path.write_text("mine")
    link.symlink_to(path)

    assert filled.inside("export", "--region", "KR", "-o", str(link)).code == 2
    assert path.read_text() == "mine"
    exported(filled, "--region", "KR", "-o", link, "--force")

    assert (link.is_symlink(), path.read_text()[:7]) == (True, "region,")
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["a.csv", "link.csv", "there"]


def test_a_link_to_itself_is_said_in_words(filled: Any, tmp_path: Path) -> None:
    link = tmp_path / "a.csv"
    link.symlink_to(link)
    done = filled.inside("export", "--region", "KR", "-o", str(link), "--force")
    assert (done.code, link.is_symlink()) == (2, True)
    assert "leads back to itself" in done.words


@pytest.fixture(scope="module")
def overseas(tmp_path_factory: pytest.TempPathFactory, tools: Any) -> Any:
    """A home with a bar each of AAPL and BRK.B; nothing in this module changes it."""
    folder = tmp_path_factory.mktemp("overseas")
    home = tools.home(folder / "home", folder / "machine")
    day = calendars.calendar("XNYS").window(1, dt.date(2026, 11, 19))[0]
    bars = [{**stored(ticker, day, 100.0), "region": "US", "currency": "USD"} for ticker in ("AAPL", "BRK.B")]
    with home.store.write("test") as connection:
        commit_batch(connection, Batch("one", "US-night", "US", "live", AT, pl.DataFrame(bars, schema=STORED_BARS)))
    assert home.inside("publish", SPOCK_NOW="2026-11-20T21:00:00+09:00").code == 0
    return home


def test_a_ticker_in_lower_case_is_the_one_in_capitals_and_that_is_said(overseas: Any, tmp_path: Path) -> None:
    row = exported(overseas, "--region", "US", "--ticker", "aapl", "-o", tmp_path / "a.parquet")
    assert (row["rows"], row["notes"]) == (1, ["aapl taken as AAPL"])
    assert pl.read_parquet(tmp_path / "a.parquet")["ticker"].to_list() == ["AAPL"]


def test_a_ticker_that_differs_only_in_its_hyphen_is_asked_for(overseas: Any, tmp_path: Path) -> None:
    done = overseas.inside("export", "--region", "US", "--ticker", "BRK-B", "-o", str(tmp_path / "a.parquet"))
    assert done.code == 2
    assert "US has no bars of BRK-B; did you mean BRK.B?" in done.words


def test_an_export_does_not_wait_for_the_stores_lock(filled: Any, tmp_path: Path) -> None:
    with write_lock(filled.path / "spock.lock", "another writer", 5):
        row = exported(filled, "--region", "KR", "-o", tmp_path / "a.parquet")
    assert row["rows"] == 8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--region", "KR", "--ticker", "5930"), "KR has no bars of 5930; it has 2 tickers, such as 005930"),
        (("--region", "US"), "US: there are no bars in the newest replica"),
        (("--region", "CN"), "CN: there are no bars in the newest replica"),
        (("--region", "KR", "--to", "2001-01-02"), f"KR: no bar to 2001-01-02; what is asked for runs from {DAYS[0]}"),
        (("--region", "ATLANTIS"), "ATLANTIS"),
        (("--region", "KR", "--from", "2027-01-04"), f"runs from {DAYS[0]} to {DAYS[3]}"),
        (("--region", "KR", "--from", "2026-11-20", "--to", "2026-11-19"), "is after --to"),
        (("--region", "KR", "--to", "yesterday"), "YYYY-MM-DD"),
    ],
)
def test_what_is_not_there_is_said_in_words_and_no_file_is_left(
    filled: Any, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    done = filled.inside("export", *options, "-o", str(tmp_path / "a.parquet"))
    assert done.code == 2
    assert words in done.words
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.xlsx", ".parquet or .csv"), ("none/a.csv", "there is no folder"), ("folder.csv", "is a folder")],
)
def test_a_place_that_can_not_be_written_is_said_in_words(filled: Any, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    done = filled.inside("export", "--region", "KR", "-o", str(tmp_path / name))
    assert done.code == 2
    assert words in done.words


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device without space")
def test_a_full_disk_is_said_in_words_and_leaves_no_draft(filled: Any, tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    # The draft's name holds the process: in this one it is known, and can lead to the full device.
    os.symlink("/dev/full", tmp_path / f".a.parquet.{os.getpid()}.draft")
    done = filled.inside("export", "--region", "KR", "-o", str(target))
    assert done.code == 2
    assert "can't be written" in done.words
    assert list(tmp_path.iterdir()) == []


def test_without_a_replica_it_says_what_to_run(make_home: Callable[..., Any], tmp_path: Path) -> None:
    done = make_home().inside("export", "--region", "KR", "-o", str(tmp_path / "a.parquet"))
    assert done.code == 1
    assert "nothing has been published yet" in done.words
