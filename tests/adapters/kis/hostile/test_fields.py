"""Any value of one field is read or refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.kis.rows import RowError, amount, count, dates, day, price, text

from .answers import ODD


@settings(max_examples=300, deadline=None)
@given(value=ODD, unit=st.sampled_from([1, 1_000, 1_000_000]))
def test_any_value_of_a_field_is_read_or_refused(value: Any, unit: int) -> None:
    row = {"field": value}
    readers: list[Callable[[], Any]] = [
        lambda: price(row, "field"),
        lambda: count(row, "field", unit),
        lambda: amount(row, "field", unit),
        lambda: day(row, "field"),
        lambda: dates(row, "field", "other"),
        lambda: text(row, "field"),
    ]
    for read in readers:
        found = refusal = None
        try:
            found = read()
        except RowError as error:
            refusal = error
        assert refusal is None or (refusal.rule in ("missing_field", "unparsable") and "field" in str(refusal))
        assert not isinstance(found, int | float) or 0 <= found < math.inf
        assert not isinstance(found, int) or found < 2**63


@settings(max_examples=200, deadline=None)
@given(number=st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=4), padding=st.sampled_from(["", " ", "\t"]))
def test_every_plain_number_is_read_as_written(number: Any, padding: str) -> None:
    assert price({"field": f"{padding}{number:f}{padding}"}, "field") == float(number)
