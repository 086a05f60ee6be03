"""Numbers of the wire: no binary dust, pence divided in decimal."""

from __future__ import annotations

import pytest

from adapters.yfinance.numbers import count, major, parse, price


@pytest.mark.parametrize(
    ("wire", "unit", "number"),
    [
        ("344.82000732421875", 1, 344.82),  # single precision, widened
        ("98765.4296875", 1, 98765.43),
        ("1.2345000505447388", 100, 0.012345),
        ("4550.666016", 100, 45.50666016),  # a file's six decimals
        ("4610.453125", 100, 46.10453125),  # exact in single precision, and short enough to be meant
        ("62.619999", 100, 0.62619999),
        ("0.1234567890123456789", 1, 0.12345678901234568),  # a double of its own
        ("71500", 1, 71500.0),
        ("1e-05", 1, 0.00001),
        ("null", 1, None),
        ("NaN", 1, None),
        ("Infinity", 1, None),
    ],
)
def test_prices_are_the_shortest_decimals_of_the_wire_in_major_units(wire: str, unit: int, number: float | None) -> None:
    assert price(parse(wire.encode()), unit) == number


@pytest.mark.parametrize(("wire", "number"), [("12", 12), ("12.0", 12), ("null", None), ("NaN", None), ("-5", -5)])
def test_volumes_are_whole_numbers(wire: str, number: int | None) -> None:
    assert count(parse(wire.encode())) == number


@pytest.mark.parametrize("wire", ['"12"', "true", "[]", "{}"])
def test_what_is_no_number_is_refused(wire: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        price(parse(wire.encode()))
    with pytest.raises(ValueError, match="is no count"):
        count(parse(wire.encode()))


def test_a_count_no_column_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="is no count"):
        count(2**63)


def test_hundredths_are_told_from_their_major_currency() -> None:
    assert [major(one) for one in ("GBp", "GBX", "GBP", "ZAc", "ILA", "USD", "")] == [
        *(("GBP", 100), ("GBP", 100), ("GBP", 1), ("ZAR", 100), ("ILS", 100), ("USD", 1), ("", 1))
    ]
