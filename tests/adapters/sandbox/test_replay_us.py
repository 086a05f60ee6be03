"""A folder of US CSVs served as raw: KIS's symbols, New York's hours, dollars."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.replay import ReplayMarket
from adapters.sandbox.server import Sandbox
from pipeline.errors import UsageError

HEADER = "date,open,high,low,close,volume\n"
ROWS = """2026-11-24,500.5,510.25,499,505.125,1000
2026-11-25,0,0,0,505.125,0
2026-11-27,506,520,505.5,519.99,2000
"""
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
#: Saturday 2026-11-28 in New York.
AFTER = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a class of stock and a plain one."""
    (tmp_path / "US").mkdir()
    (tmp_path / "US" / "BRK.B.csv").write_text(HEADER + ROWS, encoding="utf-8")
    (tmp_path / "US" / "AAPL.csv").write_text(HEADER + "2026-11-27,0.5,0.5,0.25,0.3,10\n", encoding="utf-8")
    return tmp_path


def test_a_file_named_by_our_ticker_is_a_listing_with_kiss_symbol(folder: Path) -> None:
    market = ReplayMarket(folder, "US")
    name = market.find("BRK/B")
    assert name is not None
    assert (name.code, name.name, name.venue, name.group, name.etyp, name.lot) == ("BRK/B", "BRK.B", "XNAS", "2", "", 1)
    assert (name.listed, name.ended) == (date(2026, 11, 24), date(2026, 11, 28))
    assert market.find("BRK.B") is None
    assert [one.code for one in market.names(AFTER)] == ["AAPL", "BRK/B"]
    assert (market.region, market.scale, market.timezone.key) == ("US", 1, "America/New_York")


@pytest.mark.parametrize(
    ("file", "symbol"), [("ABR-D", "ABR/D"), ("LEGT-UN", "LEGT/UN"), ("HWM-PR", "HWM/"), ("usb-p", "USB/P")]
)
def test_what_follows_a_hyphen_stands_behind_the_slash(tmp_path: Path, file: str, symbol: str) -> None:
    (tmp_path / "US").mkdir()
    (tmp_path / "US" / f"{file}.csv").write_text(HEADER + ROWS, encoding="utf-8")
    assert [name.code for name in ReplayMarket(tmp_path, "US").names(AFTER)] == [symbol]


def test_bars_hold_the_numbers_as_written(folder: Path) -> None:
    bars = ReplayMarket(folder, "US").bars("BRK/B", FIRST, LAST, AFTER)
    assert [(bar.date.day, *map(str, bar[1:7])) for bar in bars] == [
        (27, "506", "520", "505.5", "519.99", "2000", "1039980"),
        (25, "0", "0", "0", "505.125", "0", "0"),
        (24, "500.5", "510.25", "499", "505.125", "1000", "505125"),
    ]


def test_the_wire_prints_dollars_with_four_decimals(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path
) -> None:
    client = connect(start(data=folder, regions=("KR", "US"), now=AFTER).url)
    client.login()
    asked = {"AUTH": "", "EXCD": "NAS", "SYMB": "BRK/B", "GUBN": "0", "BYMD": "", "MODP": "0", "KEYB": ""}
    path = f"/uapi/overseas-price/v1/quotations/dailyprice?{urlencode(asked)}"
    _, _, body = client.ask("GET", path, headers=client.headers("HHDFS76240000"))
    names = ("xymd", "open", "high", "low", "clos", "tvol", "tamt")
    assert [[row[name] for name in names] for row in body["output2"]] == [
        ["20261127", "506.0000", "520.0000", "505.5000", "519.9900", "2000", "1039980"],
        ["20261125", "0.0000", "0.0000", "0.0000", "505.1250", "0", "0"],
        ["20261124", "500.5000", "510.2500", "499.0000", "505.1250", "1000", "505125"],
    ]


def test_further_decimals_of_a_file_are_rounded_on_the_wire(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path
) -> None:
    (folder / "US" / "AAPL.csv").write_text(HEADER + "2026-11-27,0.12344,0.12346,0.12344,0.12345678,10\n", encoding="utf-8")
    client = connect(start(data=folder, regions=("US",), now=AFTER).url)
    client.login()
    asked = {"AUTH": "", "EXCD": "NAS", "SYMB": "AAPL", "GUBN": "0", "BYMD": "", "MODP": "0"}
    path = f"/uapi/overseas-price/v1/quotations/dailyprice?{urlencode(asked)}"
    _, _, body = client.ask("GET", path, headers=client.headers("HHDFS76240000"))
    row = body["output2"][0]
    assert [row[name] for name in ("open", "high", "low", "clos")] == ["0.1234", "0.1235", "0.1234", "0.1235"]


def test_the_search_names_every_listing_with_its_last_row(
    start: Callable[..., Sandbox], connect: Callable[..., Any], folder: Path
) -> None:
    """A folder's rows end one by one: a search of its newest session alone would know no value of most of its names."""

    def found(now: datetime) -> list[tuple[str, str]]:
        client = connect(start(data=folder, regions=("US",), now=now).url)
        client.login()
        path = "/uapi/overseas-price/v1/quotations/inquire-search?AUTH=&EXCD=NAS"
        _, _, body = client.ask("GET", path, headers=client.headers("HHDFS76410000"))
        return [(row["symb"], row["last"]) for row in body["output2"]]

    untraded, newest, after_all_rows = (datetime(2026, *day, 22, 0, tzinfo=UTC) for day in ((11, 25), (11, 27), (11, 30)))
    assert found(untraded) == [("BRK/B", "505.1250")]
    assert found(newest) == found(after_all_rows) == [("BRK/B", "519.9900"), ("AAPL", "0.3000")]


def test_the_universe_file_names_venue_name_and_lot_by_our_ticker(folder: Path) -> None:
    text = "region,ticker,venue,name,lot\nUS,BRK.B,XNYS,BERKSHIRE HATHAWAY INC,1\nKR,AAPL,XKOS,nobody,10\nUS\n"
    (folder / "universe.csv").write_text(text, encoding="utf-8")
    market = ReplayMarket(folder, "US")
    found = [(name.code, name.venue, name.name, name.lot) for name in market.names(AFTER)]
    assert found == [("AAPL", "XNAS", "AAPL", 1), ("BRK/B", "XNYS", "BERKSHIRE HATHAWAY INC", 1)]


def test_a_penny_stock_is_still_worth_more_than_the_floor(folder: Path) -> None:
    market = ReplayMarket(folder, "US")
    name = market.find("AAPL")
    assert name is not None
    price, _ = market.reference("AAPL", AFTER)
    assert price == Decimal("0.3")
    assert price * name.shares > 150_000_000


def test_a_half_day_is_over_at_one_in_new_york(folder: Path) -> None:
    market = ReplayMarket(folder, "US")

    def newest(hour: int, minute: int) -> tuple[int, Any]:
        bar = market.bars("BRK/B", FIRST, LAST, datetime(2026, 11, 27, hour, minute, tzinfo=UTC))[0]
        return bar.date.day, bar.volume

    assert [newest(14, 29), newest(16, 15), newest(18, 0)] == [(25, 0), (27, 1000), (27, 2000)]


def test_a_row_on_a_closed_day_keeps_regular_hours(tmp_path: Path) -> None:
    (tmp_path / "US").mkdir()
    # Thanksgiving.
    (tmp_path / "US" / "AAPL.csv").write_text(HEADER + "2026-11-26,1,1,1,1,100\n", encoding="utf-8")
    market = ReplayMarket(tmp_path, "US")
    clocks = [datetime(2026, 11, 26, hour, minute, tzinfo=UTC) for hour, minute in ((14, 29), (17, 45), (21, 0))]
    assert [[bar.volume for bar in market.bars("AAPL", FIRST, LAST, now)] for now in clocks] == [[], [50], [100]]


def test_a_region_is_served_only_from_its_own_folder(folder: Path, connect: Callable[..., Any]) -> None:
    with Sandbox(data=folder, now=AFTER) as sandbox:
        client = connect(sandbox.url)
        assert client.daily("AAPL", "20261101", "20261130")[1]["output2"] == [{}]  # as for any unknown code
    with pytest.raises(UsageError, match="no folder KR/"):
        Sandbox(data=folder, regions=("KR",))


@pytest.mark.parametrize("file", ["BRK_B", "BRK B", "TOOLONG", "005930", "A.B.C", ".B"])
def test_a_file_that_is_named_by_no_ticker_is_refused(folder: Path, file: str) -> None:
    (folder / "US" / f"{file}.csv").write_text(HEADER + ROWS, encoding="utf-8")
    with pytest.raises(UsageError, match="a ticker is one to five letters"):
        ReplayMarket(folder, "US")


def test_two_files_of_one_listing_are_refused(folder: Path) -> None:
    (folder / "US" / "BRK-B.csv").write_text(HEADER + ROWS, encoding="utf-8")
    with pytest.raises(UsageError, match=r"BRK\.B\.csv: BRK-B\.csv is the same listing"):
        ReplayMarket(folder, "US")


def test_a_venue_of_another_region_is_refused(folder: Path) -> None:
    text = "region,ticker,venue,name,lot\nUS,BRK.B,XKRX,Berkshire,1\n"
    (folder / "universe.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"venue of BRK\.B is 'XKRX'; one of XNAS, XNYS, XASE"):
        ReplayMarket(folder, "US")


def test_a_lot_of_zero_is_refused(folder: Path) -> None:
    text = "region,ticker,venue,name,lot\nUS,BRK.B,XNYS,Berkshire,0\n"
    (folder / "universe.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"lot of BRK\.B is '0'"):
        ReplayMarket(folder, "US")


def test_a_folder_in_the_place_of_a_file_is_told(folder: Path) -> None:
    (folder / "US" / "MSFT.csv").mkdir()
    with pytest.raises(UsageError, match=r"MSFT\.csv: can't be read"):
        ReplayMarket(folder, "US")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,Open,High,Low,Close,Volume\n", "line 1 must read date,open"),
        (HEADER, "no row"),
        (HEADER + "11/27/2026,1,1,1,1,1\n", "line 2 is not"),
        (HEADER + '2026-11-27,"1,234.5",1,1,1,1\n', "line 2 is not"),
        (HEADER + "2026-11-24,1,1,1,1,1\n2026-11-24,1,1,1,1,1\n", "line 3: 2026-11-24 stands twice"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(folder: Path, text: str, words: str) -> None:
    (folder / "US" / "BRK.B.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"BRK\.B\.csv.*{words}"):
        ReplayMarket(folder, "US")
