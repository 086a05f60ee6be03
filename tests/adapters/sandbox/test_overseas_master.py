"""Overseas master files, field by field as kis.md section 10 and the real ones lay them out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.server import Sandbox

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "kis_master"
EVENING = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
FILES = {"nasmst.cod.zip": "XNAS", "nysmst.cod.zip": "XNYS", "amsmst.cod.zip": "XASE"}
#: Fields (from 0) that are the same on every line of a file, or nearly.
FIXED = (0, 1, 2, 3, 9, 10, 11, 13, 14, 15, 16, 20, 23)


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
@pytest.mark.parametrize("file_name", list(FILES))
def test_the_fixed_fields_are_those_of_the_real_files(fetch: Callable[..., list[list[str]]], file_name: str) -> None:
    real = rows_of((REAL / file_name).read_bytes(), file_name)
    ours = fetch(file_name)
    usual = {field: max({row[field] for row in real}, key=[row[field] for row in real].count) for field in FIXED}
    assert {field: {row[field] for row in ours} for field in FIXED} == {field: {usual[field]} for field in FIXED}
    for field in (8, 22):  # kinds: stock, fund, warrant; and of a fund
        assert {row[field] for row in ours} <= {row[field] for row in real} | ({"4"} if field == 8 else set())
    assert {row[4] for row in real} == {row[5][3:] for row in real}


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
