"""Reading the packaged calendars: sessions, phases, what is unknown, when a session is final and can be collected."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline import calendars, settings
from pipeline.errors import CalendarUnknown, UsageError
from pipeline.settings import FinalAt, VenueConfig

KRX = calendars.calendar("XKRX")


def venue(**final_at: FinalAt) -> VenueConfig:
    default = FinalAt(time=time(20, 5), timezone="Asia/Seoul")
    return VenueConfig(mic="XKRX", name="KRX", calendar="XKRX", lot=1, final_at={"default": default, **final_at})


def test_sessions_include_both_ends() -> None:
    assert KRX.sessions(date(2026, 6, 2), date(2026, 6, 4)) == [date(2026, 6, 2), date(2026, 6, 4)]


def test_an_empty_range_has_no_sessions() -> None:
    assert KRX.sessions(date(2026, 6, 4), date(2026, 6, 2)) == []


def test_neighbours_are_strictly_before_and_after() -> None:
    day = date(2026, 6, 2)
    assert (KRX.previous_session(day), KRX.next_session(day)) == (date(2026, 6, 1), date(2026, 6, 4))


def test_neighbours_of_a_closed_day() -> None:
    day = date(2026, 6, 3)
    assert (KRX.previous_session(day), KRX.next_session(day)) == (date(2026, 6, 2), date(2026, 6, 4))


def test_a_window_ends_with_the_last_session_up_to_its_end() -> None:
    assert KRX.window(3, date(2026, 6, 7)) == [date(2026, 6, 2), date(2026, 6, 4), date(2026, 6, 5)]
    assert KRX.window(0, date(2026, 6, 7)) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda: KRX.is_session(date(2028, 1, 3)),
        lambda: KRX.sessions(date(2027, 12, 1), date(2028, 1, 1)),
        lambda: KRX.sessions(date(1999, 12, 31), date(2000, 1, 10)),
        lambda: KRX.next_session(date(2027, 12, 30)),
        lambda: KRX.previous_session(date(2000, 1, 4)),
        lambda: KRX.window(2, date(2000, 1, 4)),
    ],
)
def test_outside_the_known_range_nothing_is_guessed(ask: object) -> None:
    with pytest.raises(CalendarUnknown, match=r"XKRX does not know .* from 2000-01-01 to 2027-12-31"):
        ask()  # type: ignore[operator]


def test_hours_of_a_closed_day_name_the_next_session() -> None:
    with pytest.raises(UsageError, match=r"2026-06-03 is no session of XKRX.*2026-06-04"):
        KRX.session(date(2026, 6, 3))


@pytest.mark.parametrize("mic", ["XXXX", "../secrets", "", "xkrx"])
def test_an_unknown_venue_names_the_known_ones(mic: str) -> None:
    with pytest.raises(UsageError, match=r"no calendar for venue .*XKRX"):
        calendars.calendar(mic)


def test_a_damaged_file_is_named_with_its_line(tmp_path: Path) -> None:
    text = (calendars.FOLDER / "XKRX.csv").read_text(encoding="utf-8").splitlines()
    text[10], text[11] = text[11], text[10]
    path = tmp_path / "XKRX.csv"
    path.write_text("\n".join(text), encoding="utf-8")
    with pytest.raises(UsageError, match=r"XKRX\.csv: line 12 is damaged or out of order"):
        calendars.load(path)


@pytest.mark.parametrize("text", ["", "\n", "session,open\n"])
def test_another_file_is_no_calendar(tmp_path: Path, text: str) -> None:
    path = tmp_path / "XKRX.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="not a calendar file"):
        calendars.load(path)


def test_reading_a_calendar_needs_the_standard_library_alone() -> None:
    code = (
        "import sys; from pipeline import calendars; calendars.calendar('XKRX')\n"
        "print(sorted({'pandas', 'polars', 'duckdb', 'pydantic', 'numpy'} & set(sys.modules)))"
    )
    root = Path(calendars.__file__).resolve().parents[1]
    answer = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


# ---- what trades at a moment ----


@pytest.mark.parametrize(
    ("mic", "local", "phase"),
    [
        ("XKRX", "2026-11-20T08:59:59", "closed"),
        ("XKRX", "2026-11-20T09:00:00", "open"),
        ("XKRX", "2026-11-20T15:29:59", "open"),
        ("XKRX", "2026-11-20T15:30:00", "closed"),
        ("XKRX", "2026-11-19T09:30:00", "closed"),  # the university entrance exam: from ten on
        ("XKRX", "2026-11-21T10:00:00", "closed"),  # a Saturday
        ("XKRX", "2028-01-03T10:00:00", "unknown"),
        ("XTKS", "2026-11-20T11:29:59", "open"),
        ("XTKS", "2026-11-20T11:30:00", "lunch"),
        ("XTKS", "2026-11-20T12:29:59", "lunch"),
        ("XTKS", "2026-11-20T12:30:00", "open"),
        ("XHKG", "2025-12-24T11:59:00", "open"),  # half a day
        ("XHKG", "2025-12-24T12:30:00", "closed"),
        ("XSHG", "2026-12-31T14:00:00", "open"),
        ("XSHG", "2027-01-05T10:00:00", "unknown"),
        ("XASX", "2026-11-23T10:00:00", "open"),  # Sunday evening in UTC
    ],
)
def test_a_venue_has_a_phase_at_every_moment(mic: str, local: str, phase: str) -> None:
    known = calendars.calendar(mic)
    assert known.phase(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(known.timezone))) == phase


def test_a_venue_is_open_inside_its_sessions_and_not_in_their_breaks() -> None:
    hours = (1, 2, 4, 5, 8)  # from before the opening to the close, with the lunch from 4 to 5
    told = [calendars.calendar("XHKG").is_open(datetime(2026, 11, 20, hour, tzinfo=UTC)) for hour in hours]
    assert told == [False, True, False, True, False]


def test_a_venue_past_its_calendar_is_not_called_open() -> None:
    with pytest.raises(CalendarUnknown, match="XSHG does not know 2027-01-05"):
        calendars.calendar("XSHG").is_open(datetime(2027, 1, 5, 2, tzinfo=UTC))


def test_a_moment_without_a_timezone_is_refused() -> None:
    with pytest.raises(UsageError, match="has no timezone"):
        KRX.phase(datetime(2026, 11, 20, 10))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        (datetime(2026, 11, 19, 23, 59, tzinfo=UTC), date(2026, 11, 20)),  # before nine in Seoul
        (datetime(2026, 11, 20, 0, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 22, 3, 0, tzinfo=UTC), date(2026, 11, 23)),
    ],
)
def test_the_next_opening_lies_after_the_moment(moment: datetime, session: date) -> None:
    assert KRX.next_opening(moment).session == session


def test_past_the_last_session_no_opening_is_known() -> None:
    last = datetime(2027, 12, 30, tzinfo=UTC)
    assert [KRX.knows_an_opening_after(last + timedelta(minutes=n)) for n in (-1, 0)] == [True, False]
    with pytest.raises(CalendarUnknown):
        KRX.next_opening(last)


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        (
            datetime(2026, 11, 20, 4, 15, tzinfo=UTC),
            {"KR": "open", "CN": "lunch", "HK": "lunch", "JP": "open", "VN": "open", "AU": "open"},
        ),
        (datetime(2026, 11, 20, 15, 0, tzinfo=UTC), {"US": "open", "UK": "open", "EU": "open"}),
        (datetime(2026, 11, 21, 15, 0, tzinfo=UTC), {}),
        # Milan keeps the Assumption, the other exchanges of the region do not.
        (datetime(2025, 8, 15, 7, 45, tzinfo=UTC), {"HK": "open", "UK": "open", "EU": "open"}),
        # 2027: China and Vietnam are unknown, so not active.
        (datetime(2027, 1, 5, 2, 15, tzinfo=UTC), {"KR": "open", "HK": "open", "JP": "open", "AU": "open"}),
    ],
)
def test_active_regions_are_those_inside_a_session(moment: datetime, active: dict[str, str]) -> None:
    configs = [settings.get_config(region) for region in settings.available_regions()]
    assert calendars.active_regions(moment, configs) == active


def test_a_region_that_no_calendar_knows_is_unknown() -> None:
    assert calendars.region_phase(settings.get_config("CN"), datetime(2027, 1, 5, 2, tzinfo=UTC)) == "unknown"


@pytest.mark.parametrize(
    ("region", "provider", "session", "start", "end"),
    [
        ("KR", "kis", date(2026, 11, 20), "2026-11-20T11:05Z", "2026-11-23T00:00Z"),
        ("US", "kis", date(2026, 11, 20), "2026-11-21T03:30Z", "2026-11-23T14:30Z"),
        ("HK", "kis", date(2025, 12, 24), "2025-12-24T08:30Z", "2025-12-29T01:30Z"),
        # Milan is closed on 24 December, the region's other venues are not.
        ("EU", "yfinance", date(2025, 12, 24), "2025-12-24T16:45Z", "2025-12-29T08:00Z"),
    ],
)
def test_a_session_can_be_collected_from_finality_to_the_next_opening(
    region: str, provider: str, session: date, start: str, end: str
) -> None:
    window = calendars.collection_window(settings.get_config(region), provider, session)
    assert window == calendars.CollectionWindow(datetime.fromisoformat(start), datetime.fromisoformat(end))


def test_a_day_without_a_session_has_no_window() -> None:
    with pytest.raises(UsageError, match="2026-06-03 is no session of region KR"):
        calendars.collection_window(settings.get_config("KR"), "kis", date(2026, 6, 3))


# ---- finality ----


def test_a_session_is_final_at_the_venues_local_time() -> None:
    moment = calendars.final_at(venue(), "kis", date(2026, 11, 20))
    assert moment == datetime(2026, 11, 20, 11, 5, tzinfo=UTC)
    assert moment.tzinfo is UTC


def test_a_provider_may_be_later_than_the_venue() -> None:
    late = venue(kis=FinalAt(time=time(12, 30), timezone="Asia/Seoul", day_offset=1))
    friday = date(2026, 11, 20)
    assert calendars.final_at(late, "kis", friday) == datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
    assert calendars.final_at(late, "yfinance", friday) == datetime(2026, 11, 20, 11, 5, tzinfo=UTC)


def test_a_session_of_new_york_is_final_at_half_past_noon_in_seoul_the_next_day() -> None:
    nasdaq = next(one for one in settings.get_config("US").venues if one.mic == "XNAS")
    assert calendars.final_at(nasdaq, "kis", date(2026, 11, 19)) == datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
