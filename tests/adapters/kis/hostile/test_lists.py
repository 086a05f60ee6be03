"""Any bytes in a provider's lists: every line is an instrument or refused, a damaged archive is asked for again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import INSTRUMENTS, REFUSED, Universe
from adapters.kis import master as domestic_master
from adapters.kis import overseas_master
from adapters.kis.archive import unzip
from pipeline.errors import Transient, Unavailable


@dataclass(frozen=True)
class Lists:
    """One kind of list: how it is read, its venue, and a sound line about the name of a number."""

    read: Callable[..., Universe]
    venue: str
    currency: str
    line: Callable[[int], bytes]
    fits: Callable[[bytes], bool]


_KOSPI = domestic_master.MASTERS["XKRX"]


def _kospi_line(number: int) -> bytes:
    tail = bytearray(b" " * _KOSPI.tail)
    values = {(0, 2): b"ST", _KOSPI.halted: b"N", _KOSPI.lot: b"00001", _KOSPI.listed_from: b"19750611"}
    values |= {_KOSPI.shares: b"000000005919637", _KOSPI.preferred: b"0", _KOSPI.value: b"003238041"}
    for (at, width), value in values.items():
        tail[at : at + width] = value.ljust(width)
    return b"%06d   KR7005930003" % number + "삼성전자".encode("cp949").ljust(40) + bytes(tail)


def _nasdaq_line(number: int) -> bytes:
    symbol = f"A{chr(65 + number // 26)}{chr(65 + number % 26)}"
    columns = ["US", "22", "NAS", "나스닥", symbol, f"NAS{symbol}", "애플", "APPLE INC", "2", "USD", "4", "", "247.4500"]
    columns += ["1", "1", "930", "1600", "N", "", "730", "0", "0", "   ", "   "]
    return "\t".join(columns).encode("cp949")


LISTS = {
    "KOSPI": Lists(domestic_master.read, "XKRX", "KRW", _kospi_line, lambda line: len(line) == 288),
    "Nasdaq": Lists(overseas_master.read, "XNAS", "USD", _nasdaq_line, lambda line: line.count(b"\t") == 23),
}


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=120, deadline=None)
@given(
    patches=st.lists(st.tuples(st.integers(0, 29), st.integers(0, 287), st.binary(min_size=1, max_size=9)), max_size=4),
    repeated=st.booleans(),
    noise=st.lists(st.binary(max_size=40), max_size=2),
)
def test_every_line_of_any_list_is_an_instrument_or_refused(
    name: str, patches: list[tuple[int, int, bytes]], repeated: bool, noise: list[bytes]
) -> None:
    kind = LISTS[name]
    lines = [bytearray(kind.line(number)) for number in range(30)]
    for number, at, patch in patches:
        lines[number][at : at + len(patch)] = patch
    content = b"\n".join([*map(bytes, lines), *([bytes(lines[0])] if repeated else []), *noise])
    written = [line for line in content.replace(b"\r\n", b"\n").split(b"\n") if line.strip()]
    try:
        found = kind.read({kind.venue: content}, "region", kind.currency, "kis")
    except Unavailable:
        assert sum(not kind.fits(line) for line in written) > 0.05 * len(written)
        return
    assert (found.instruments.schema, found.refused.schema) == (INSTRUMENTS, REFUSED)
    assert found.instruments.height + found.refused.height == len(written)
    assert found.instruments["ticker"].is_unique().all()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_sound_lines_is_read_whole(name: str) -> None:
    kind = LISTS[name]
    content = b"\n".join(kind.line(number) for number in range(30))
    found = kind.read({kind.venue: content}, "region", kind.currency, "kis")
    assert (found.instruments.height, found.refused.height) == (30, 0)


def _zip(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("kospi_code.mst", content)
    return packed.getvalue()


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
ZIPPED = {method: _zip(b"a line\n" * 50, method) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=150, deadline=None)
@given(
    patches=st.lists(st.tuples(st.integers(0, 399), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 399) | st.just(10_000),
    junk=st.binary(max_size=12),
)
def test_any_archive_is_its_member_or_asked_for_again(
    method: int, patches: list[tuple[int, int]], cut: int, junk: bytes
) -> None:
    archive = bytearray(ZIPPED[method])
    for at, value in patches:
        archive[at % len(archive)] = value
    try:
        assert isinstance(unzip(bytes(archive[:cut]) + junk, "list"), bytes)
    except Transient:
        return


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("damage", [b"\x00", b"\xff", b"\x5d"])
def test_an_archive_whose_content_is_damaged_is_asked_for_again(method: int, damage: bytes) -> None:
    archive = bytearray(ZIPPED[method])
    begin = archive.index(b"kospi_code.mst") + len("kospi_code.mst")
    archive[begin : begin + 12] = damage * 12
    with pytest.raises(Transient):
        unzip(bytes(archive), "list")
