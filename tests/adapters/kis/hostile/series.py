"""The dated answers of KIS: how each is asked for, what a sound one looks like, and strategies of rows and pages of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from adapters.base import BARS, INDEX_BARS
from adapters.kis import KisAdapter

from .answers import ANY_JSON, APPLE, END, ODD, SAMSUNG, START, WORDS


@dataclass(frozen=True)
class Series:
    """One kind of dated answer: how it is asked for, what its envelope and a sound row of it look like."""

    name: str
    region: str
    ask: Callable[[KisAdapter], Any]
    head: dict[str, str]
    date: str
    row: dict[str, str]
    close: str
    page: int
    venue: str
    #: Whether the wire is told the start of the range: where it is not, older rows are left out without a word.
    has_start: bool = True

    @property
    def is_index(self) -> bool:
        """Whether its rows are levels."""
        return "index" in self.name

    @property
    def schema(self) -> Any:
        """The frame of its rows."""
        return INDEX_BARS if self.is_index else BARS


SERIES = [
    Series(
        name="KR bars",
        region="KR",
        ask=lambda adapter: adapter.history(SAMSUNG, START, END),
        head={"stck_shrn_iscd": "005930"},
        date="stck_bsop_date",
        row={
            "stck_oprc": "995",
            "stck_hgpr": "1010",
            "stck_lwpr": "990",
            "stck_clpr": "1000",
            "acml_vol": "12345",
            "acml_tr_pbmn": "12345000",
        },
        close="stck_clpr",
        page=100,
        venue="XKRX",
    ),
    Series(
        name="KR index",
        region="KR",
        ask=lambda adapter: adapter.index("KR", "KOSPI", START, END),
        head={"bstp_cls_code": "0001"},
        date="stck_bsop_date",
        row={
            "bstp_nmix_oprc": "2690.50",
            "bstp_nmix_hgpr": "2701.00",
            "bstp_nmix_lwpr": "2680.11",
            "bstp_nmix_prpr": "2700.25",
            "acml_vol": "450123",
            "acml_tr_pbmn": "9289660",
        },
        close="bstp_nmix_prpr",
        page=50,
        venue="XKRX",
    ),
    Series(
        name="US bars",
        region="US",
        ask=lambda adapter: adapter.history(APPLE, START, END),
        head={"rsym": "DNASAAPL", "zdiv": "4", "nrec": "100"},
        date="xymd",
        row={
            "open": "300.8450",
            "high": "302.0700",
            "low": "294.3600",
            "clos": "295.9500",
            "tvol": "42745060",
            "tamt": "12697950974",
        },
        close="clos",
        page=100,
        venue="XNYS",
        has_start=False,
    ),
    Series(
        name="US index",
        region="US",
        ask=lambda adapter: adapter.index("US", "SPX", START, END),
        head={"stck_shrn_iscd": "SPX"},
        date="stck_bsop_date",
        row={
            "ovrs_nmix_oprc": "5460.73",
            "ovrs_nmix_hgpr": "5480.01",
            "ovrs_nmix_lwpr": "5450.20",
            "ovrs_nmix_prpr": "5475.09",
            "acml_vol": "397268510",
        },
        close="ovrs_nmix_prpr",
        page=100,
        venue="XNYS",
    ),
]
BY_NAME = {one.name: one for one in SERIES}

DAYS = st.integers(-12, 38).map(lambda offset: START + dt.timedelta(days=offset))


def rows_of(series: Series) -> st.SearchStrategy[Any]:
    """A sound row, one with odd, missing and further fields, or no row at all."""
    names = [series.date, *series.row]

    def sound(date: dt.date, close: int) -> dict[str, Any]:
        return {series.date: date.strftime("%Y%m%d"), **series.row, series.close: str(close)}

    good = st.builds(sound, DAYS, st.sampled_from([1000, 1000, 1000, 1001]))
    bent = st.builds(
        lambda row, odd, gone, more: {name: value for name, value in {**row, **odd, **more}.items() if name not in gone},
        good,
        st.dictionaries(st.sampled_from(names), ODD, max_size=2),
        st.sets(st.sampled_from(names), max_size=1),
        st.dictionaries(WORDS.filter(lambda word: word not in names), ANY_JSON, max_size=1),
    )
    return st.one_of(good, good, bent, bent, st.just({}), ANY_JSON)


def pages_of(series: Series) -> st.SearchStrategy[list[list[Any]]]:
    """Some pages of rows in any order, short ones and such that look full."""
    rows = st.lists(rows_of(series), max_size=8)
    full = rows.map(lambda some: (some * series.page)[: series.page])
    ordered = rows.map(lambda some: sorted(some, key=lambda row: str(row.get(series.date)) if isinstance(row, dict) else ""))
    return st.lists(rows | ordered | full, min_size=1, max_size=4)
