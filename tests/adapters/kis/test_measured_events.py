"""The factor of an event whose base was set anew, by the step between raw and adjusted rows."""

from __future__ import annotations

import datetime as dt

import pytest

from adapters.kis.share_events import ShareEvent, measured

BEFORE, HALTED, ON = dt.date(2026, 8, 6), dt.date(2026, 8, 7), dt.date(2026, 8, 10)


def event(kind: str) -> ShareEvent:
    return ShareEvent(ON, kind, None, 1.0, 1.0, "inferred", "daily rows")


@pytest.mark.parametrize(
    ("kind", "raw", "adjusted", "factors"),
    [
        ("capital_cut", {HALTED: 1610, ON: 6040}, {HALTED: 8050, ON: 6040}, (5.0, 0.2, 0.2)),
        ("split", {HALTED: 50_500, ON: 9_990}, {HALTED: 10_100, ON: 9_990}, (0.2, 5.0, 5.0)),
        # A later split rescaled both: only the step counts.
        ("capital_cut", {BEFORE: 1600, HALTED: 1610, ON: 6040}, {HALTED: 4025, ON: 3020}, (5.0, 0.2, 0.2)),
        ("merger", {HALTED: 10_000, ON: 7_300}, {HALTED: 7_310, ON: 7_300}, (0.731, 1 / 0.731, 1 / 0.731)),
        ("spin_off", {HALTED: 10_000, ON: 7_300}, {HALTED: 7_310, ON: 7_300}, (0.731, 1.0, None)),
        # The provider's series makes no step, or does not show both sides of one: nothing is known.
        ("capital_cut", {HALTED: 1610, ON: 6040}, {HALTED: 1610, ON: 6040}, (1.0, 1.0, None)),
        ("capital_cut", {BEFORE: 1600, HALTED: 1610}, {BEFORE: 8000, HALTED: 8050}, (1.0, 1.0, None)),
        ("capital_cut", {ON: 6040}, {ON: 6040}, (1.0, 1.0, None)),
        ("capital_cut", {HALTED: 0, ON: 6040}, {HALTED: 0, ON: 6040}, (1.0, 1.0, None)),
    ],
)
def test_the_adjusted_rows_tell_a_factor_that_the_base_does_not(
    kind: str, raw: dict[dt.date, float], adjusted: dict[dt.date, float], factors: tuple[float, float, float | None]
) -> None:
    found = measured(event(kind), raw, adjusted)
    ratio = None if factors[2] is None else pytest.approx(factors[2])
    assert (found.price_factor, found.volume_factor, found.ratio) == (*map(pytest.approx, factors[:2]), ratio)
    assert found.source.startswith("daily rows")
    assert found.is_known == (factors[0] != 1.0)
