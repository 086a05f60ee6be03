"""Master files: bytes of fixed width into instruments."""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from adapters.base import INSTRUMENTS
from adapters.kis import KisAdapter
from adapters.kis.archive import unzip
from adapters.kis.master import MASTERS, read
from pipeline.errors import Transient, Unavailable, Unsupported

REAL = Path(__file__).parents[4] / "shared" / "data" / "kis_master"


def line(mic: str = "XKRX", code: str = "005930", name: str = "삼성전자", **fields: str) -> bytes:
    """One line of a list; `fields` are written over blanks and zeros at the layout's places."""
    layout = MASTERS[mic]
    tail = bytearray(b" " * layout.tail)
    values = {
        "group": "ST",
        "sectors": "002700130000",
        "lot": "00001",
        "halted": "N",
        "listed_from": "19750611",
        "shares": "000000005919637",
        "preferred": "0",
        "value": "003238041",
        **fields,
    }
    for key, value in values.items():
        at = {"group": (0, 2), "sectors": (3, 12)}.get(key) or getattr(layout, key)
        assert len(value) <= at[1]
        tail[at[0] : at[0] + at[1]] = value.encode().ljust(at[1])
    head = code.encode().ljust(9) + b"KR7005930003" + name.encode("cp949").ljust(40)
    return head + bytes(tail)


def zipped(content: bytes, members: int = 1) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(members):
            archive.writestr(f"list{number}.mst", content)
    return buffer.getvalue()


def instruments(*lines: bytes, mic: str = "XKRX") -> Any:
    return read({mic: b"\n".join(lines) + b"\n"}, "KR", "KRW", "kis")


def test_layouts_are_as_wide_as_the_real_files() -> None:
    assert {mic: (layout.file, layout.tail + 61) for mic, layout in MASTERS.items()} == {
        "XKRX": ("kospi_code.mst.zip", 288),
        "XKOS": ("kosdaq_code.mst.zip", 282),
    }


@pytest.mark.parametrize("mic", ["XKRX", "XKOS"])
def test_a_line_becomes_an_instrument(mic: str) -> None:
    universe = instruments(line(mic), mic=mic)
    assert universe.instruments.schema == INSTRUMENTS
    assert universe.instruments.to_dicts() == [
        {
            "region": "KR",
            "ticker": "005930",
            "venue": mic,
            "name": None,
            "local_name": "삼성전자",
            "security_type": "common",
            "currency": "KRW",
            "isin": "KR7005930003",
            "lot": 1,
            "listed_from": dt.date(1975, 6, 11),
            "shares": 5_919_637_000,
            "value": 323_804_100_000_000.0,
            "halted": False,
            "sector_code": "0013",
            "provider": "kis",
        }
    ]


@pytest.mark.parametrize(
    ("group", "preferred", "kind"),
    [
        ("ST", "0", "common"),
        ("ST", "1", "preferred"),
        ("ST", "9", "preferred"),
        ("RT", "0", "reit"),
        ("EF", "0", "etf"),
        ("EN", "0", "etn"),
        ("DR", "0", "depositary_receipt"),
        ("FS", "0", "foreign"),
        ("BC", "0", "fund"),
        ("MF", "0", "fund"),
        ("EW", "0", "warrant"),
        ("SW", "0", "warrant"),
        ("SR", "0", "right"),
        ("ZZ", "0", "other"),
    ],
)
def test_group_and_preferred_flag_make_the_security_type(group: str, preferred: str, kind: str) -> None:
    universe = instruments(line(group=group, preferred=preferred))
    assert universe.instruments["security_type"].to_list() == [kind]


def test_blank_fields_are_unknown_and_halts_and_letters_survive() -> None:
    row = instruments(
        line(code="0013V0", name="한", halted="Y", listed_from="", shares="", value="", lot="00000", sectors="0" * 12)
    ).instruments.row(0, named=True)
    assert (row["ticker"], row["local_name"], row["halted"]) == ("0013V0", "한", True)
    assert [row[name] for name in ("listed_from", "shares", "value", "lot", "sector_code")] == [None] * 5


def test_bad_lines_are_refused_alone() -> None:
    good = [line(code=f"{number:06d}") for number in range(100)]
    bad = [
        line(code="1")[:-3],
        line(code="100001", shares="12x"),
        line(code="100002", listed_from="20241332"),
        line(code="100003", halted="?"),
        line(code="000005"),
    ]
    universe = instruments(*good, *bad)
    assert universe.instruments.height == 100
    assert universe.refused.select("ticker", "rule").rows() == [
        ("1", "unparsable"),
        ("100001", "unparsable"),
        ("100002", "unparsable"),
        ("100003", "unparsable"),
        ("000005", "duplicate_row"),
    ]
    assert "kospi_code.mst.zip" in universe.refused["reason"][1]
    assert "12x" in universe.refused["reason"][1]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"short\n" * 100, line("XKOS") + b"\n"])
def test_an_empty_list_or_another_layout_is_no_universe(content: bytes) -> None:
    with pytest.raises(Unavailable, match="288 bytes"):
        read({"XKRX": content}, "KR", "KRW", "kis")


def test_a_small_sandbox_may_lack_a_market_but_not_both() -> None:
    lists = {"XKRX": line() + b"\n", "XKOS": b""}
    assert read(lists, "KR", "KRW", "kis", partial_lists=True).instruments["ticker"].to_list() == ["005930"]
    with pytest.raises(Unavailable, match="282 bytes"):
        read(lists, "KR", "KRW", "kis")
    with pytest.raises(Unavailable, match="0 lines"):
        read({"XKRX": b"", "XKOS": b""}, "KR", "KRW", "kis", partial_lists=True)


def test_a_cut_or_damaged_zip_is_transient() -> None:
    whole = zipped(line() * 50)
    assert unzip(whole, "x.zip") == line() * 50
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    for broken in (whole[:-30], whole[:40], b"", b"<html>", bytes(damaged), zipped(b"x", members=2), zipped(b"", 0)):
        with pytest.raises(Transient, match=r"x\.zip"):
            unzip(broken, "x.zip")


def test_the_universe_is_both_lists_without_key_or_token(script: Any, adapter: KisAdapter) -> None:
    script.files["kospi_code.mst.zip"] = zipped(line() + b"\n")
    script.files["kosdaq_code.mst.zip"] = zipped(line("XKOS", "247540", "에코프로비엠") + b"\n")
    universe = adapter.universe("KR")
    assert universe.instruments.select("ticker", "venue").rows() == [("005930", "XKRX"), ("247540", "XKOS")]
    assert universe.refused.height == 0
    assert {"appkey", "appsecret", "authorization"} & {name for one in script.asked for name in one.headers} == set()
    assert (len(script.asked), adapter.sent) == (2, 2)


def test_half_a_market_is_no_universe(script: Any, adapter: KisAdapter) -> None:
    script.files["kospi_code.mst.zip"] = zipped(line() + b"\n")
    with pytest.raises(Unavailable, match=r"kosdaq_code\.mst\.zip"):
        adapter.universe("KR")
    script.files["kosdaq_code.mst.zip"] = zipped(line("XKOS") + b"\n")[:-20]
    with pytest.raises(Unavailable, match="no whole zip"):
        adapter.universe("KR")
    with pytest.raises(Unsupported, match="region US"):
        adapter.universe("US")


@pytest.mark.skipif(not REAL.exists(), reason="the real master files are not beside this checkout")
def test_the_real_lists_of_june_2025_are_read_whole() -> None:
    contents = {mic: unzip((REAL / layout.file).read_bytes(), layout.file) for mic, layout in MASTERS.items()}
    started = time.perf_counter()
    universe = read(contents, "KR", "KRW", "kis")
    assert time.perf_counter() - started < 0.3
    assert universe.refused.height == 0
    counts = universe.instruments.group_by("venue", "security_type").len().rows()
    assert {(venue, kind): count for venue, kind, count in counts} == {
        ("XKRX", "common"): 820,
        ("XKRX", "preferred"): 113,
        ("XKRX", "etf"): 987,
        ("XKRX", "etn"): 387,
        ("XKRX", "fund"): 99,
        ("XKRX", "reit"): 24,
        ("XKRX", "warrant"): 8,
        ("XKRX", "right"): 3,
        ("XKRX", "depositary_receipt"): 1,
        ("XKRX", "foreign"): 1,
        ("XKOS", "common"): 1781,
        ("XKOS", "preferred"): 3,
        ("XKOS", "foreign"): 11,
        ("XKOS", "depositary_receipt"): 8,
    }
    found = {row["ticker"]: row for row in universe.instruments.to_dicts()}
    samsung, ecopro = found["005930"], found["247540"]
    assert (samsung["shares"], samsung["value"], samsung["isin"]) == (
        5_919_637_000,
        323_804_100_000_000,
        "KR7005930003",
    )
    assert (samsung["local_name"], samsung["listed_from"]) == ("삼성전자", dt.date(1975, 6, 11))
    assert (ecopro["venue"], ecopro["local_name"], ecopro["shares"]) == ("XKOS", "에코프로비엠", 97_801_000)
    assert (ecopro["listed_from"], ecopro["value"]) == (dt.date(2019, 3, 5), 8_567_300_000_000)
    assert found["000087"]["security_type"] == "preferred"
