"""Anything at all in the rows and pages of bars and levels: what is sound stands, the rest is refused, nothing hangs."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.base import REFUSED
from adapters.kis import KisAdapter
from adapters.kis.rows import day, price
from pipeline.calendars import calendar
from pipeline.errors import Unsupported

from .answers import END, ODD, QUICK, START, envelope
from .host import Host
from .series import BY_NAME, Series, pages_of


def same(value: Any) -> str:
    """JSON values compare by this: NaN equals itself, 1 is not True."""
    return repr(json.loads(json.dumps(value, sort_keys=True), parse_constant=str))


def refused_values(raw: str) -> set[str]:
    """What `raw` may have been: the JSON it holds, or the text itself."""
    try:
        return {same(raw), repr(json.loads(raw, parse_constant=str))}
    except ValueError:
        return {same(raw)}


def longest(series: Series) -> int:
    """The bound of a walk: twice the pages that the calendar's sessions need, and a few."""
    return 2 * -(-len(calendar(series.venue).sessions(START, END)) // series.page) + 4


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=60, **QUICK)
@given(data=st.data())
def test_every_row_of_any_pages_is_a_bar_or_refused_and_the_walk_ends(
    name: str, host: Host, adapters: dict[str, KisAdapter], data: st.DataObject
) -> None:
    series = BY_NAME[name]
    pages = data.draw(pages_of(series))
    host.serve([envelope(output1=series.head, output2=page) for page in pages])

    found = series.ask(adapters[series.region])

    assert found.pages == host.answered <= longest(series)
    assert (found.bars.schema, found.refused.schema) == (series.schema, REFUSED)
    bars = {bar["date"]: bar for bar in found.bars.iter_rows(named=True)}
    assert list(bars) == found.bars["date"].sort().to_list()
    assert all(START <= date <= END for date in bars)
    for bar in bars.values():
        numbers = [bar[one] for one in ("open", "high", "low", "close", "volume")] + [bar["amount"] or 0.0]
        assert all(math.isfinite(number) and number >= 0 for number in numbers), bar
    assert found.refused["rule"].null_count() == found.refused["reason"].null_count() == 0
    # Take what was refused out of what was served: each row that is left stands as the bar of its date.
    served = [row for at in range(found.pages) for row in pages[min(at, len(pages) - 1)] if row != {}]
    left = Counter(map(same, served))
    for raw in found.refused["raw"]:
        one = next((form for form in refused_values(raw) if left[form]), None)
        assert one is not None, f"{raw} was refused and never served"
        left[one] -= 1
    standing = [row for row in served if left[same(row)] > 0]
    if not series.has_start:
        standing = [row for row in standing if day(row, series.date) >= START]
    assert all(isinstance(row, dict) for row in standing)
    assert {day(row, series.date) for row in standing} == set(bars)
    assert all(price(row, series.close) == bars[day(row, series.date)]["close"] for row in standing)


@pytest.mark.parametrize("name", BY_NAME)
@settings(max_examples=30, **QUICK)
@given(code=ODD)
def test_rows_about_any_other_code_are_never_bars(name: str, host: Host, adapters: dict[str, KisAdapter], code: Any) -> None:
    """Only a chart whose field table makes the code optional may leave it out."""
    series = BY_NAME[name]
    key = next(iter(series.head))
    row = {series.date: "20240628", **series.row}
    host.serve([envelope(output1={**series.head, key: code}, output2=[row])])

    found = series.ask(adapters[series.region])

    silent = series.has_start and (code is None or not str(code).strip())
    assert found.bars.is_empty() is not silent
    assert silent or set(found.refused["rule"]) == {"wrong_ticker"}


@pytest.mark.parametrize("name", BY_NAME)
def test_half_a_surrogate_pair_refuses_its_row_only(name: str, host: Host, adapters: dict[str, KisAdapter]) -> None:
    """JSON may escape one alone; no UTF-8 column can hold it."""
    series = BY_NAME[name]
    sound = {series.date: "20240628", **series.row}
    bad = {series.date: "20240627", **series.row, series.close: "\ud800"}
    host.serve([envelope(output1=series.head, output2=[sound, bad, "\udfff", {"\ud800": 1}])])

    found = series.ask(adapters[series.region])

    assert (found.bars.height, found.refused.height) == (1, 3 * found.pages)


def test_an_amount_beyond_all_numbers_is_refused(host: Host, adapters: dict[str, KisAdapter]) -> None:
    """Millions of won times a million: the product must be finite, not only what the wire says."""
    series = BY_NAME["KR index"]
    host.serve([envelope(output1=series.head, output2=[{series.date: "20240628", **series.row, "acml_tr_pbmn": "9" * 305}])])
    found = series.ask(adapters["KR"])
    assert (found.bars.height, set(found.refused["rule"])) == (0, {"unparsable"})


@pytest.mark.parametrize("name", [name for name, series in BY_NAME.items() if series.is_index])
@pytest.mark.parametrize("filler", [[], [{}], [{}, {}]], ids=str)
def test_an_index_that_no_answer_names_or_has_a_row_of_is_unsupported(
    name: str, filler: list[Any], host: Host, adapters: dict[str, KisAdapter]
) -> None:
    series = BY_NAME[name]
    host.serve([envelope(output1={}, output2=filler)])
    with pytest.raises(Unsupported, match="does not have the index"):
        series.ask(adapters[series.region])
