"""A folder of CSVs served as raw."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.replay import ReplayMarket
from adapters.sandbox.server import Sandbox
from pipeline.errors import UsageError

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "ohlcv"
HEADER = "date,open,high,low,close,volume\n"
ROWS = """2026-11-16,100,110,90,105,1000
2026-11-17,0,0,0,105,0
2026-11-18,105.5,111.25,101,110.50,2000
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one ticker of three sessions, one of them without a trade."""
    (tmp_path / "KR").mkdir()
    (tmp_path / "KR" / "123450.csv").write_text(HEADER + ROWS, encoding="utf-8")
    return tmp_path


def test_numbers_are_printed_as_written_and_untraded_rows_as_they_stand(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path
) -> None:
    _, body = connect(start(data=folder).url).daily("123450", "20261101", "20261120", FID_ORG_ADJ_PRC="0")
    names = ("stck_bsop_date", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_clpr", "acml_vol", "mod_yn", "prdy_vrss")
    assert [[row[name] for name in names] for row in body["output2"]] == [
        ["20261118", "105.5", "111.25", "101", "110.50", "2000", "N", "5.50"],
        ["20261117", "0", "0", "0", "105", "0", "Y", "0"],
        ["20261116", "100", "110", "90", "105", "1000", "N", "0"],
    ]
    assert body["output2"][0]["acml_tr_pbmn"] == "221000"


def test_an_ended_listing_stays_in_the_list_and_names_its_end(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path, now: datetime
) -> None:
    def listed_until(day: int) -> str:
        client = connect(start(data=folder, now=now.replace(day=day)).url)
        assert client.raw("GET", "/common/master/kospi_code.mst.zip")[0] == 200
        _, body = client.get("CTPF1002R", "search-stock-info", PRDT_TYPE_CD="300", PDNO="123450")
        return str(body["output"]["lstg_abol_dt"])

    assert [listed_until(18), listed_until(19), listed_until(20)] == ["", "20261119", "20261119"]
    market = ReplayMarket(folder, "KR")
    assert [name.code for name in market.names(now)] == ["123450"]
    assert market.names(datetime(2026, 11, 13, tzinfo=UTC)) == []


def test_a_row_shows_from_its_open_on(folder: Path) -> None:
    market = ReplayMarket(folder, "KR")
    first, last = date(2026, 11, 1), date(2026, 11, 30)

    def seen(hour: int, minute: int) -> list[tuple[int, Any]]:
        now = datetime(2026, 11, 18, hour, minute, tzinfo=UTC)
        return [(bar.date.day, bar.volume) for bar in market.bars("123450", first, last, now)]

    # 2026-11-19 is exam day: the 18th opens and closes as always, 00:00 and 06:30 UTC
    assert seen(0, 0)[0] != (18, 2000)
    assert seen(3, 15) == [(18, 1000), (17, 0), (16, 1000)]
    assert seen(6, 30) == [(18, 2000), (17, 0), (16, 1000)]


def test_the_universe_file_wins_over_the_defaults(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path
) -> None:
    text = "region,ticker,venue,name,lot\nKR,123450,XKOS,가나다,10\nUS,AAPL,XNAS,Apple,1\n"
    (folder / "universe.csv").write_text(text, encoding="utf-8")
    market = ReplayMarket(folder, "KR")
    name = market.find("123450")
    assert name is not None
    assert (name.venue, name.name, name.lot, name.listed) == ("XKOS", "가나다", 10, date(2026, 11, 16))
    assert market.find("AAPL") is None


def test_a_folder_has_no_index_and_no_other_names(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path
) -> None:
    client = connect(start(data=folder).url)
    params = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0001", "FID_PERIOD_DIV_CODE": "D"}
    days = {"FID_INPUT_DATE_1": "20261101", "FID_INPUT_DATE_2": "20261120"}
    status, body = client.get("FHKUP03500100", "inquire-daily-indexchartprice", **params, **days)
    assert (status, body["rt_cd"], body["output2"]) == (200, "0", [])
    assert client.daily("005930", "20261101", "20261120")[1]["output1"]["stck_prpr"] == "0"
    assert client.ask("GET", "/_sandbox/info")[2]["source"] == "data"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("day,open\n", "line 1 must read date,open"),
        (HEADER, "no row"),
        (HEADER + "2026-11-16,1,1,1,1,x\n", "line 2 is not"),
        (HEADER + "2026-11-16,1,1,1,1,nan\n", "line 2 is not"),
        (HEADER + "2026-11-16,1,1,1\n", "line 2 is not"),
        (HEADER + "2026-11-17,1,1,1,1,1\n2026-11-16,1,1,1,1,1\n", "does not come after"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(folder: Path, text: str, words: str) -> None:
    (folder / "KR" / "123450.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"123450\.csv.*{words}"):
        ReplayMarket(folder, "KR").find("123450")


def test_a_folder_without_the_region_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder KR/"):
        ReplayMarket(tmp_path, "KR")


@pytest.mark.skipif(not REAL.is_dir(), reason="no real bars beside the checkout")
def test_every_row_of_the_real_files_comes_back(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    client = connect(start(data=REAL, enforce_limits=False).url)
    for path in sorted((REAL / "KR").glob("*.csv")):
        until, rows = "20261120", []
        while page := client.daily(path.stem, "20000101", until)[1]["output2"]:
            rows += page
            until = str(int(page[-1]["stck_bsop_date"]) - 1)
        with path.open(encoding="utf-8", newline="") as file:
            expected = [[row[0].replace("-", ""), *row[1:]] for row in list(csv.reader(file))[1:]]
        names = ("stck_bsop_date", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_clpr", "acml_vol")
        assert [[row[name] for name in names] for row in reversed(rows)] == expected, path.name
