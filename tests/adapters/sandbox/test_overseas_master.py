"""Overseas master files, field by field as kis.md section 10 and the real ones lay them out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.kis_exchanges import EXCHANGES, Exchange
from adapters.sandbox.kis_master import Entry
from adapters.sandbox.kis_overseas_master import master_zip
from adapters.sandbox.market import Name
from adapters.sandbox.server import Sandbox

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "kis_master"
EVENING = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
FILES = {"nasmst.cod.zip": "XNAS", "nysmst.cod.zip": "XNYS", "amsmst.cod.zip": "XASE"}


def rows_of(body: bytes, file_name: str) -> list[list[str]]:
    """The lines of a file as their fields, as far as the layout holds."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        (member,) = archive.namelist()
        assert member == file_name.removesuffix(".cod.zip").upper() + ".COD"
        text = archive.read(member)
    assert text.endswith(b"\n")
    assert b"\r" not in text
    return [line.decode("cp949").split("\t") for line in text.split(b"\n")[:-1]]


@pytest.fixture
def fetch(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> Callable[..., list[list[str]]]:
    """The lines of a master file of a sandbox started as told."""

    def get(file_name: str, **wanted: Any) -> list[list[str]]:
        sandbox = start(**{"now": EVENING, "regions": ("US",), "tickers": 40, **wanted})
        status, headers, body = connect(sandbox.url).raw("GET", f"/common/master/{file_name}")
        assert (status, headers["Content-Length"]) == (200, str(len(body)))
        return rows_of(body, file_name)

    return get


@pytest.mark.parametrize("file_name", list(FILES))
def test_a_file_lists_its_exchanges_names_in_order(fetch: Callable[..., list[list[str]]], file_name: str) -> None:
    rows = fetch(file_name)
    market = GeneratedMarket(region="US", seed=1, tickers=40)
    listed = sorted(name.code for name in market.names(EVENING) if name.venue == FILES[file_name])
    assert [row[4] for row in rows] == listed
    assert {len(row) for row in rows} == {24}
    assert all(row[5] == row[2] + row[4] for row in rows)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real master files beside the checkout")
@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.code)
def test_the_real_listings_are_written_as_the_real_file_has_them(exchange: Exchange) -> None:
    file_name = f"{exchange.code.lower()}mst.cod.zip"
    real = [row for row in rows_of((REAL / file_name).read_bytes(), file_name) if row[10] == str(exchange.decimals)]
    entries = [
        Entry(
            Name(
                *(row[4], row[6], exchange.venue, row[8], date(2020, 1, 2), None, 1, 0, int(row[13])),
                etyp=row[22].strip(),
                english=row[7],
                currency=row[9],
            ),
            *(Decimal(row[12]), 0, 1, False),
        )
        for row in real
    ]
    ours = rows_of(master_zip(file_name, entries, date(2025, 10, 27), 1), file_name)
    assert len(real) > 300
    # All but the depositary receipts, the sector and the kind of price steps, which no market here knows of every name.
    left_out = (17, 18, 19, 21)
    assert [[field for at, field in enumerate(row) if at not in left_out] for row in ours] == [
        [field for at, field in enumerate(row) if at not in left_out] for row in real
    ]
    assert {(row[8], row[21]) for row in ours} <= {(row[8], row[21]) for row in real}


@pytest.mark.skipif(not REAL.is_dir(), reason="no real master files beside the checkout")
@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.code)
def test_the_kinds_of_listings_are_those_of_the_real_file(fetch: Callable[..., list[list[str]]], exchange: Exchange) -> None:
    file_name = f"{exchange.code.lower()}mst.cod.zip"
    kinds = {(row[8], row[9], row[10], row[21], row[22]) for row in fetch(file_name, regions=(exchange.region,), tickers=60)}
    real = {(row[8], row[9], row[10], row[21], row[22]) for row in rows_of((REAL / file_name).read_bytes(), file_name)}
    # Our markets have warrants and China's B shares too, so that something is there to be left out.
    assert {kind for kind in kinds - real if kind[0] != "4"} == {
        "SHS": {("2", "USD", "3", "0", "   ")},
    }.get(exchange.code, set())


def test_a_line_says_what_the_market_says(fetch: Callable[..., list[list[str]]]) -> None:
    (row,) = [row for row in fetch("nasmst.cod.zip") if row[4] == "AAPL"]
    market = GeneratedMarket(region="US", seed=1, tickers=40)
    name = market.find("AAPL")
    assert name is not None
    close = market.reference("AAPL", EVENING)[0]
    assert row == [
        *("US", "22", "NAS", "나스닥", "AAPL", "NASAAPL", name.name, name.english, "2", "USD", "4", ""),
        *(f"{close / 10_000:.4f}", "1", "1", "930", "1600", "N", "", "000", "0", "0", "   ", "   "),
    ]


def test_the_price_is_the_last_close_while_the_session_goes_on(fetch: Callable[..., list[list[str]]]) -> None:
    noon = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
    (row,) = [row for row in fetch("nasmst.cod.zip", now=noon) if row[4] == "AAPL"]
    close = GeneratedMarket(region="US", seed=1, tickers=40).reference("AAPL", datetime(2026, 11, 19, 23, tzinfo=UTC))[0]
    assert row[12] == f"{close / 10_000:.4f}"


def test_a_delisted_name_is_gone_from_its_delisting_day_on(fetch: Callable[..., list[list[str]]]) -> None:
    market = GeneratedMarket(region="US", seed=1, tickers=40)
    later = EVENING.replace(month=12, day=31)
    gone = {name.code for name in market.names(EVENING)} - {name.code for name in market.names(later)}

    def codes(now: datetime) -> set[str]:
        return {row[4] for file_name in FILES for row in fetch(file_name, now=now)}

    assert gone
    assert gone <= codes(EVENING)
    assert not gone & codes(later)


def test_without_the_region_the_files_are_empty(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> None:
    _, _, body = connect(start(regions=("KR",)).url).raw("GET", "/common/master/nasmst.cod.zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.read("NASMST.COD") == b""
