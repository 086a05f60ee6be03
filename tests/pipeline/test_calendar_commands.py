"""The commands about sessions, as a terminal and a program read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline import settings
from pipeline.commands.calendar import calendar
from pipeline.errors import CalendarUnknown, SpockError, UsageError


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    for name in ("SPOCK_SANDBOX_URL", "SPOCK_NOW"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path))
    settings.clear_cache()
    yield
    settings.clear_cache()


def told(*arguments: str) -> str:
    answer = CliRunner().invoke(calendar, arguments, standalone_mode=False)
    if answer.exception is not None:
        raise answer.exception
    return answer.output


@pytest.mark.parametrize(
    ("place", "first", "last", "lines"),
    [
        (
            "XKRX",
            "2026-06-02",
            "2026-06-04",
            ["2026-06-02,2026-06-02 00:00:00,2026-06-02 06:30:00,,", "2026-06-04,2026-06-04 00:00:00,2026-06-04 06:30:00,,"],
        ),
        (
            "HK",
            "2025-12-24",
            "2025-12-29",
            [
                "2025-12-24,2025-12-24 01:30:00,2025-12-24 04:00:00,,",
                "2025-12-29,2025-12-29 01:30:00,2025-12-29 08:00:00,2025-12-29 04:00:00,2025-12-29 05:00:00",
            ],
        ),
        ("asx", "2026-11-23", "2026-11-23", ["2026-11-23,2026-11-22 23:00:00,2026-11-23 05:00:00,,"]),
        ("eu", "2026-11-20", "2026-11-20", ["2026-11-20,2026-11-20 08:00:00,2026-11-20 16:30:00,,"]),
        ("XKOS", "2026-12-31", "2027-01-01", []),
    ],
)
def test_sessions_are_printed_as_csv_in_utc(place: str, first: str, last: str, lines: list[str]) -> None:
    answer = told("sessions", place, "--from", first, "--to", last, "--format", "csv")
    assert answer.splitlines() == ["session,open,close,break_start,break_end", *lines]


def test_sessions_begin_today_where_nothing_is_said() -> None:
    answer = json.loads(told("sessions", "XNYS", "--now", "2026-11-21T02:00:00Z", "--to", "2026-11-23", "--format", "json"))
    assert [row["session"] for row in answer] == ["2026-11-20", "2026-11-23"]


def test_the_next_session_is_told_for_places_and_unknown_past_a_calendars_end() -> None:
    answer = told("next", "KR", "XSHG", "usa", "--now", "2027-01-04T02:00:00Z", "--format", "csv")
    assert answer.splitlines() == [
        "place,calendar,session,open,close,break_start,break_end",
        "KR,XKRX,2027-01-05,2027-01-05 00:00:00,2027-01-05 06:30:00,,",
        "XSHG,XSHG,unknown,,,,",
        "usa,XNYS,2027-01-04,2027-01-04 14:30:00,2027-01-04 21:00:00,,",
    ]


def test_the_status_of_a_region_names_all_its_venues() -> None:
    answer = told("status", "JP", "XKOS", "CN", "--now", "2026-12-31T02:45:00Z", "--format", "csv")
    assert answer.splitlines() == [
        "region,venue,calendar,phase,session,open,close,final_at,collect_until,next_session,next_open,known_until",
        "JP,XTKS,XTKS,closed,2026-12-30,2026-12-30 00:00:00,2026-12-30 06:30:00,2026-12-30 06:45:00,2027-01-04 00:00:00,"
        "2027-01-04,2027-01-04 00:00:00,2027-12-31",
        "KR,XKOS,XKRX,closed,2026-12-30,2026-12-30 00:00:00,2026-12-30 06:30:00,2026-12-30 11:05:00,2027-01-04 01:00:00,"
        "2027-01-04,2027-01-04 01:00:00,2027-12-31",  # Seoul's first session of a year opens an hour late
        "CN,XSHG,XSHG,open,2026-12-31,2026-12-31 01:30:00,2026-12-31 07:00:00,2026-12-31 07:35:00,,,,2026-12-31",
        "CN,XSHE,XSHG,open,2026-12-31,2026-12-31 01:30:00,2026-12-31 07:00:00,2026-12-31 07:35:00,,,,2026-12-31",
    ]


@pytest.mark.parametrize(
    ("venue", "now", "until", "opens"),
    [
        ("XPAR", "2024-12-24T18:00:00Z", "2024-12-27 08:00:00", "2024-12-27 08:00:00"),
        # Frankfurt keeps 24 December, Paris trades: what Frankfurt's 23rd left can be collected until Paris opens.
        ("XETR", "2024-12-23T18:00:00Z", "2024-12-24 08:00:00", "2024-12-27 08:00:00"),
        # Before the opening today's session is told, whose bars are collected after it.
        ("XTKS", "2026-11-19T23:00:00Z", "2026-11-24 00:00:00", "2026-11-20 00:00:00"),
    ],
)
def test_the_bars_of_a_session_can_be_collected_until_its_region_trades_again(
    venue: str, now: str, until: str, opens: str
) -> None:
    (row,) = json.loads(told("status", venue, "--now", now, "--format", "json"))
    assert (row["collect_until"], row["next_open"]) == (until, opens)


def test_the_status_past_a_calendars_end_is_unknown() -> None:
    (row,) = json.loads(told("status", "XSHG", "--now", "2027-01-05T02:45:00Z", "--format", "json"))
    known = {"region": "CN", "venue": "XSHG", "calendar": "XSHG", "phase": "unknown", "known_until": "2026-12-31"}
    assert row == {**dict.fromkeys(row), **known}


def test_without_a_place_every_venue_of_every_region_has_its_line() -> None:
    rows = json.loads(told("status", "--now", "2026-11-23T03:45:00Z", "--format", "json"))
    assert {row["region"] for row in rows} == set(settings.available_regions())
    assert {row["venue"]: row["phase"] for row in rows if row["region"] in ("CN", "KR")} == {
        "XKRX": "open", "XKOS": "open", "XSHG": "lunch", "XSHE": "lunch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("sessions", "XSHG", "--from", "2026-12-01", "--to", "2027-01-31"), CalendarUnknown, "does not know 2027-01-31"),
        (("sessions", "XKRX", "--from", "yesterday"), UsageError, "--from 'yesterday' is no day"),
        (("sessions", "XKRX", "--from", "2026-02-01", "--to", "2026-01-01"), UsageError, "lies before --from"),
        (("sessions", "XXXX", "--from", "2026-02-01"), UsageError, "unknown region 'XXXX'"),
    ],
)
def test_what_cannot_be_told_is_an_error(arguments: tuple[str, ...], error: type[SpockError], message: str) -> None:
    with pytest.raises(error, match=message):
        told(*arguments)
