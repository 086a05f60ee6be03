"""Made-up codes: of the shape that was asked for, all different, none that is taken."""

from __future__ import annotations

import pytest

from adapters.sandbox.codes import Codes, Template
from pipeline.errors import UsageError


def test_a_template_has_every_code_of_its_shape_once() -> None:
    template = Template("6[0A-C]#.")
    codes = {template.code(index) for index in range(template.capacity)}
    assert codes == {f"6{second}{third}." for second in "0ABC" for third in "0123456789"}
    assert template.fits("6B7.")
    assert not any(template.fits(code) for code in ("6B7", "6D7.", "6B77", "x6B7."))


def test_codes_take_turns_by_their_parts_and_avoid_what_is_taken() -> None:
    templates = [(Template("A##"), 2), (Template("B##"), 1)]
    free = Codes(templates, [])
    first = [free.at(index) for index in range(6)]
    assert [code[0] for code in first] == ["A", "B", "A", "A", "B", "A"]
    taken = ["ZZZ", first[0], first[1], first[5]]
    found = [Codes(templates, taken).at(index) for index in range(120)]
    assert len(set(found)) == 120
    assert not set(found) & set(taken)
    assert [code for code, other in zip(found[:6], first, strict=True) if code != other] == [found[0], found[1], found[5]]
    assert [free.template(code) for code in ("A00", "B99")] == ["A##", "B##"]


def test_a_template_that_runs_out_says_so() -> None:
    codes = Codes([(Template("V#"), 1)], ["V3"])
    assert len({codes.at(index) for index in range(9)} | {"V3"}) == 10
    with pytest.raises(UsageError, match="made-up codes like V# run out after 10"):
        codes.at(9)
