"""What the doctor says of the calendars' ends."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from pipeline import calendars, settings
from pipeline.doctor.calendars import packaged_calendars

UPGRADE = "upgrade Spock, or extend calendars/overrides.toml and run `spock calendar build`"


def findings(region: str, day: str, **changes: str) -> list[tuple[str, str, str]]:
    config = settings.get_config(region).model_copy(update=changes)
    now = dt.datetime.combine(dt.date.fromisoformat(day), dt.time(12), dt.UTC)
    return [(one.state, one.words, one.todo) for one in packaged_calendars([config], now)]


@pytest.mark.parametrize(
    ("day", "status", "finding"),
    [
        ("2026-10-31", "live", ("ok", "CN: XSHG is known until 2026-12-31, 61 days from now", "")),
        ("2026-11-01", "live", ("notice", "CN: XSHG is known until 2026-12-31, 60 days from now", UPGRADE)),
        ("2026-12-31", "live", ("notice", "CN: XSHG is known until 2026-12-31, 0 days from now", UPGRADE)),
        ("2027-01-01", "live", ("wrong", "CN: XSHG is known until 2026-12-31 only, 1 days ago", UPGRADE)),
        ("2027-01-01", "off", ("notice", "CN: XSHG is known until 2026-12-31 only, 1 days ago", UPGRADE)),
    ],
)
def test_the_end_of_a_calendar_is_told_from_sixty_days_before(day: str, status: str, finding: tuple[str, str, str]) -> None:
    assert findings("CN", day, status=status) == [finding]


def test_the_calendars_of_a_region_that_end_together_are_one_finding() -> None:
    assert [words for _, words, _ in findings("EU", "2026-11-21")] == [
        "EU: XMAD is known until 2027-12-23, 397 days from now",
        "EU: XPAR, XAMS, XBRU, XLIS, XETR, XMIL are known until 2027-12-31, 405 days from now",
    ]


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        ("off", ("notice", "no packaged calendar for JP (XTKS): these regions are off")),
        ("test", ("wrong", "JP is test, but has no packaged calendar for XTKS")),
    ],
)
def test_a_region_without_its_calendar_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, finding: tuple[str, str]
) -> None:
    shutil.copy(calendars.FOLDER / "XKRX.csv", tmp_path)
    monkeypatch.setattr(calendars, "FOLDER", tmp_path)
    assert [(state, words) for state, words, _ in findings("JP", "2026-11-21", status=status)] == [finding]
