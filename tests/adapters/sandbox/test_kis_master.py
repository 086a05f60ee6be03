"""Master files, byte by byte as kis.md section 10 and the real ones lay them out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.kis_master import isin
from adapters.sandbox.server import Sandbox

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "kis_master"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="no real master files beside the checkout")
_TRADING = [9, 5, 5, 1, 1, 1, 2, 1, 1, 1, 2, 2, 2, 3, 1, 3, 12, 12, 8, 15, 21, 2, 7, 1]
_ACCOUNTS = [9, 9, 9, 5, 9, 8, 9]
TAILS = {
    "kospi_code.mst.zip": [2, 1, 4, 4, 4, *[1] * 26, *_TRADING, *[1] * 4, *_ACCOUNTS, 3, 1, 1, 1],
    "kosdaq_code.mst.zip": [2, 1, 4, 4, 4, *[1] * 21, *_TRADING, *[1] * 3, *_ACCOUNTS, 3, 1, 1, 1],
    "konex_code.mst.zip": [2, *_TRADING, *[1] * 3, *_ACCOUNTS, 1, 1, 1],
}
WIDTHS = {"kospi_code.mst.zip": 227, "kosdaq_code.mst.zip": 221, "konex_code.mst.zip": 184}


def split(line: bytes, widths: list[int]) -> dict[str, str]:
    """The fields that matter of one line, the tail sliced from the end."""
    tail = line[-sum(widths) :]
    fields, at = [], 0
    for width in widths:
        fields.append(tail[at : at + width].decode("cp949"))
        at += width
    trading = fields[-len(_TRADING) - (len(widths) - widths.index(9)) + len(_TRADING) :]
    return {
        "code": line[:9].decode().strip(),
        "isin": line[9:21].decode(),
        "name": line[21:61].decode("cp949").strip(),
        "group": fields[0],
        "price": trading[0],
        "lot": trading[1],
        "halt": trading[3],
        "volume": trading[16],
        "face": trading[17],
        "listed": trading[18],
        "shares": trading[19],
        "capital": trading[20],
        "value": trading[len(_TRADING) + (4 if widths[6] == 1 and sum(widths) == 227 else 3) + 6],
    }


def lines_of(body: bytes, file_name: str) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.namelist() == [file_name.removesuffix(".zip")]
        text = archive.read(archive.namelist()[0])
    assert text.endswith(b"\n")
    return text.split(b"\n")[:-1]


@pytest.fixture
def fetch(start: Callable[..., Sandbox], connect: Callable[..., Any]) -> Callable[..., list[bytes]]:
    """The lines of a master file of a sandbox started as told."""

    def get(file_name: str, **wanted: Any) -> list[bytes]:
        status, headers, body = connect(start(**wanted).url).raw("GET", f"/common/master/{file_name}")
        assert (status, headers["Content-Length"]) == (200, str(len(body)))
        return lines_of(body, file_name)

    return get


@pytest.mark.parametrize("file_name", list(TAILS))
def test_every_line_has_the_bytes_of_its_layout(fetch: Callable[..., list[bytes]], file_name: str) -> None:
    assert sum(TAILS[file_name]) == WIDTHS[file_name]
    lines = fetch(file_name, tickers=40)
    assert lines
    assert {len(line) for line in lines} == {61 + WIDTHS[file_name]}


@needs_real
@pytest.mark.parametrize("file_name", ["kospi_code.mst.zip", "kosdaq_code.mst.zip"])
def test_the_real_files_have_the_same_layout_and_check_digits(file_name: str) -> None:
    lines = lines_of((REAL / file_name).read_bytes(), file_name)
    assert {len(line) for line in lines} == {61 + WIDTHS[file_name]}
    rows = [split(line, TAILS[file_name]) for line in lines]
    # preferred shares, foreign names and notes carry an issue number or a country that the code does not tell
    plain = [row for row in rows if row["group"] in ("ST", "RT", "EF", "BC", "SW", "SR")]
    plain = [row for row in plain if row["group"] != "ST" or row["code"].endswith("0")]
    assert {row["code"]: row["isin"] for row in plain} == {row["code"]: isin(row["code"]) for row in plain}
    by_code = {row["code"]: row for row in rows}
    code, listed = ("005930", "19750611") if file_name.startswith("kospi") else ("247540", "20190305")
    assert by_code[code]["listed"] == listed
    assert by_code[code]["value"].isdigit()


def test_a_line_says_what_the_quotations_say(
    fetch: Callable[..., list[bytes]], start: Callable[..., Sandbox], connect: Callable[..., Any]
) -> None:
    lines = fetch("kosdaq_code.mst.zip")
    row = next(row for line in lines if (row := split(line, TAILS["kosdaq_code.mst.zip"]))["code"] == "0101A0")
    _, body = connect(start().url).daily("0101A0", "20261120", "20261120")
    head = body["output1"]
    assert row == {
        "code": "0101A0",
        "isin": isin("0101A0"),
        "name": head["hts_kor_isnm"],
        "group": "ST",
        "price": head["stck_prpr"].zfill(9),
        "lot": "00001",
        "halt": "N",
        "volume": head["acml_vol"].zfill(12),
        "face": "500".zfill(12),
        "listed": "20240214",
        "shares": str(int(head["lstn_stcn"]) // 1000).zfill(15),
        "capital": str(int(head["lstn_stcn"]) * 500).zfill(21),
        "value": head["hts_avls"].zfill(9),
    }


def test_a_halted_name_is_marked(fetch: Callable[..., list[bytes]], now: Any) -> None:
    lines = fetch("kospi_code.mst.zip", now=now.replace(month=6, day=17))
    marks = {row["code"]: row["halt"] for line in lines if (row := split(line, TAILS["kospi_code.mst.zip"]))}
    assert (marks["0303C0"], marks["005930"]) == ("Y", "N")


def test_a_delisted_name_is_gone_from_its_delisting_day_on(fetch: Callable[..., list[bytes]], now: Any) -> None:
    def codes(day: int) -> set[str]:
        lines = fetch("kosdaq_code.mst.zip", now=now.replace(month=12, day=day))
        return {line[:9].decode().strip() for line in lines}

    assert codes(14) - codes(15) == {"0404D0"}


def test_the_files_list_other_kinds_beside_stocks(fetch: Callable[..., list[bytes]]) -> None:
    lines = fetch("kospi_code.mst.zip", tickers=40)
    groups = {split(line, TAILS["kospi_code.mst.zip"])["group"] for line in lines}
    assert groups >= {"ST", "RT", "EF", "EN", "SW", "SR", "BC"}
