"""What was fetched, on disk: nothing of an answer is lost, and files of earlier versions are still read."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline.collect import spool
from pipeline.collect.spool import Fetched, Silence, Unit
from pipeline.errors import StoreCorrupt
from pipeline.frames import ACTIONS, BARS, REFUSED

DAY = dt.date(2026, 11, 20)
ROW = ("UK", "LLOY", DAY, 0.5, 0.51, 0.49, 0.505, 7, None, "GBP", "yfinance", "split_adjusted", DAY)
SPLIT = ("UK", "LLOY", DAY, "split", 3.0, 1 / 3, 3.0, True, None, None, "confirmed", "chart events", "yfinance")
CASH = ("UK", "LLOY", DAY, "cash", None, 1.0, 1.0, False, 0.0101, "GBP", "confirmed", "chart events", "yfinance")


def fetched(ticker: str = "LLOY", seconds: float = 1.25, pages: int = 2) -> Fetched:
    return Fetched(
        unit=Unit(ticker, "XLON", "GBP", dt.date(2026, 11, 2), DAY, known_before=True, listed_from=dt.date(1995, 12, 28)),
        provider="yfinance",
        bars=pl.DataFrame([ROW], BARS, orient="row"),
        refused=pl.DataFrame([("UK", ticker, None, "unparsable", "why", "{}", "yfinance")], REFUSED, orient="row"),
        silences=(Silence(dt.date(2026, 11, 19), "no_trade", "inferred", 2),),
        first_session=None,
        last_session=DAY,
        evidence="rows",
        pages=pages,
        actions=pl.DataFrame([SPLIT, CASH], ACTIONS, orient="row"),
        seconds=seconds,
    )


def assert_same(one: Fetched, other: Fetched) -> None:
    for name in ("bars", "refused", "actions"):
        assert getattr(one, name).schema == getattr(other, name).schema
        assert getattr(one, name).equals(getattr(other, name))
    blank = {name: BARS.to_frame() for name in ("bars", "refused", "actions")}
    plain = [{**vars(answer), **blank} for answer in (one, other)]
    assert str(plain[0]) == str(plain[1])


def test_answers_come_back_as_they_were_written(tmp_path: Path) -> None:
    written = [fetched(), replace(fetched("BARC"), actions=ACTIONS.to_frame(), bars=BARS.to_frame())]
    file = spool.write(tmp_path, "run.1.000001", written)
    read = spool.read(file.path)
    assert [answer.unit.ticker for answer in read] == spool.tickers(file.path) == ["LLOY", "BARC"]
    for one, other in zip(written, read, strict=True):
        assert_same(one, other)


def test_a_file_that_knows_neither_actions_nor_seconds_is_read(tmp_path: Path) -> None:
    path = spool.write(tmp_path, "run.1.000001", [fetched()]).path
    table = pq.read_table(path)
    units = json.loads(table.schema.metadata[b"spock.units"])
    for unit in units:
        del unit["actions"], unit["seconds"]
    pq.write_table(table.replace_schema_metadata({b"spock.units": json.dumps(units).encode()}), path)
    (read,) = spool.read(path)
    assert_same(read, replace(fetched(), actions=ACTIONS.to_frame(), seconds=0.0))
    assert spool.slowest(tmp_path, 5) == [("LLOY", 0.0, 2)]


def test_the_slowest_tickers_are_counted_over_all_attempts(tmp_path: Path) -> None:
    spool.write(tmp_path, "run.1.000001", [fetched("A", 1.0, 1), fetched("B", 2.5, 3), fetched("C", 0.5, 1)])
    spool.write(tmp_path, "run.2.000001", [fetched("A", 2.0, 4), fetched("D", 0.5, 1)])
    assert spool.slowest(tmp_path, 3) == [("A", 3.0, 5), ("B", 2.5, 3), ("C", 0.5, 1)]
    assert spool.slowest(tmp_path / "absent", 3) == []


@pytest.mark.parametrize("read", [spool.read, spool.tickers, lambda path: spool.slowest(path.parent, 1)])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, read: object) -> None:
    path = tmp_path / "run.1.000001.parquet"
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(StoreCorrupt, match="move it away and run again"):
        read(path)  # type: ignore[operator]
