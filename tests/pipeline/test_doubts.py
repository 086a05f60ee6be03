"""Sessions nobody has a row for, in words."""

from __future__ import annotations

import datetime as dt

from pipeline.doubts import by_calendar, spoken

DAYS = [dt.date(2026, 11, day) for day in (16, 17, 18, 19)]


def test_a_few_sessions_are_named_and_many_are_counted() -> None:
    assert spoken(DAYS[:1]) == "2026-11-16"
    assert spoken(DAYS[:3]) == "2026-11-16, 2026-11-17, 2026-11-18"
    assert spoken(DAYS) == "4 sessions from 2026-11-16 to 2026-11-19"


def test_each_calendar_has_its_own() -> None:
    assert by_calendar([("XPAR", DAYS[1]), ("XETR", DAYS[0]), ("XPAR", DAYS[0])]) == {"XPAR": DAYS[:2], "XETR": DAYS[:1]}
