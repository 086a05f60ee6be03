"""The packaged calendars, what generates them, and when a session is final."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from pipeline import calendar_build, calendars, settings
from pipeline.errors import CalendarUnknown, ConfigError, UsageError
from pipeline.settings import FinalAt, VenueConfig

SHARED = Path(__file__).resolve().parents[3] / "shared"
SEOUL = timedelta(hours=9)

KRX = calendars.calendar("XKRX")
NYS = calendars.calendar("XNYS")


def local_hours(day: date) -> tuple[time, time]:
    """Open and close of a session on Seoul's clock."""
    session = KRX.session(day)
    return (session.open + SEOUL).time(), (session.close + SEOUL).time()


def venue(**final_at: FinalAt) -> VenueConfig:
    default = FinalAt(time=time(20, 5), timezone="Asia/Seoul")
    return VenueConfig(mic="XKRX", name="KRX", calendar="XKRX", lot=1, final_at={"default": default, **final_at})


@pytest.mark.parametrize(
    "day",
    [
        date(2000, 1, 3),  # banks closed after the turn of the year
        date(2000, 12, 27),  # a longer year's end then
        date(2015, 5, 1),  # Labour Day, no public holiday before 2026
        date(2016, 12, 30),  # the last weekday of a year
        date(2020, 8, 17),  # temporary holiday
        date(2024, 4, 10),  # National Assembly election
        date(2024, 10, 1),  # temporary holiday
        date(2025, 1, 27),  # temporary holiday before Lunar New Year
        date(2025, 6, 3),  # presidential election
        date(2025, 12, 31),
        date(2026, 5, 1),
        date(2026, 6, 3),  # local elections: open in the mirror
        date(2026, 7, 17),  # Constitution Day: open in the mirror
        date(2026, 12, 31),
        date(2027, 5, 3),  # substitute of Labour Day: open in the mirror
        date(2027, 7, 19),  # substitute of Constitution Day: open in the mirror
        date(2026, 11, 21),  # a Saturday
    ],
)
def test_the_venue_is_closed(day: date) -> None:
    assert not KRX.is_session(day)


@pytest.mark.parametrize("day", [date(2007, 7, 16), date(2016, 12, 29), date(2024, 12, 30), date(2026, 11, 20)])
def test_the_venue_is_open(day: date) -> None:
    assert KRX.is_session(day)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2016, 7, 29), (time(9), time(15))),  # half an hour shorter until then
        (date(2016, 8, 1), (time(9), time(15, 30))),
        (date(2026, 11, 20), (time(9), time(15, 30))),
        (date(2016, 1, 4), (time(10), time(15))),  # first session of a year
        (date(2026, 1, 2), (time(10), time(15, 30))),
        (date(2001, 9, 12), (time(12), time(15))),  # the day after 9/11
        (date(2015, 11, 12), (time(10), time(16))),  # university entrance exam
        (date(2017, 11, 16), (time(10), time(16, 30))),  # exam called off the evening before, hours kept
        (date(2017, 11, 23), (time(10), time(16, 30))),
        (date(2020, 12, 3), (time(10), time(16, 30))),
        (date(2021, 11, 18), (time(10), time(16, 30))),  # from here on the mirror knows no exam day
        (date(2022, 11, 17), (time(10), time(16, 30))),
        (date(2023, 11, 16), (time(10), time(16, 30))),
        (date(2024, 11, 14), (time(10), time(16, 30))),
        (date(2025, 11, 13), (time(10), time(16, 30))),
        (date(2026, 11, 19), (time(10), time(16, 30))),
        (date(2027, 11, 18), (time(10), time(16, 30))),
        (date(2027, 12, 30), (time(9), time(15, 30))),  # the mirror shifts the last session it is asked for
    ],
)
def test_a_session_has_its_hours(day: date, hours: tuple[time, time]) -> None:
    assert local_hours(day) == hours


def test_every_first_session_of_a_year_since_2001_opens_at_ten() -> None:
    firsts = [KRX.next_session(date(year - 1, 12, 31)) for year in range(2001, 2028)]
    assert {local_hours(day)[0] for day in firsts} == {time(10)}


def test_the_lunch_break_ended_in_may_2000() -> None:
    before, after = KRX.session(date(2000, 5, 19)), KRX.session(date(2000, 5, 22))
    assert (before.break_start, before.break_end) == (
        datetime(2000, 5, 19, 3, tzinfo=UTC),
        datetime(2000, 5, 19, 4, tzinfo=UTC),
    )
    assert (after.break_start, after.break_end) == (None, None)


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


# ---- finality ----


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (datetime(2026, 11, 20, 11, 4, 59, tzinfo=UTC), date(2026, 11, 19)),  # Friday 20:04:59 in Seoul
        (datetime(2026, 11, 20, 11, 5, tzinfo=UTC), date(2026, 11, 20)),
        (datetime(2026, 11, 22, 12, tzinfo=UTC), date(2026, 11, 20)),  # Sunday
        (datetime(2026, 11, 22, 22, tzinfo=UTC), date(2026, 11, 20)),  # Monday morning in Seoul
        (datetime(2026, 6, 3, 12, tzinfo=UTC), date(2026, 6, 2)),  # election day
    ],
)
def test_the_last_final_session(now: datetime, session: date) -> None:
    assert calendars.last_final_session(venue(), "kis", now) == session


def test_a_session_is_final_at_the_venues_local_time() -> None:
    moment = calendars.final_at(venue(), "kis", date(2026, 11, 20))
    assert moment == datetime(2026, 11, 20, 11, 5, tzinfo=UTC)
    assert moment.tzinfo is UTC


def test_a_provider_may_be_later_than_the_venue() -> None:
    late = venue(kis=FinalAt(time=time(12, 30), timezone="Asia/Seoul", day_offset=1))
    friday = date(2026, 11, 20)
    assert calendars.final_at(late, "kis", friday) == datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
    assert calendars.final_at(late, "yfinance", friday) == datetime(2026, 11, 20, 11, 5, tzinfo=UTC)
    assert calendars.last_final_session(late, "kis", datetime(2026, 11, 21, 3, 29, tzinfo=UTC)) == date(2026, 11, 19)


def test_a_clock_beyond_the_calendar_is_unknown() -> None:
    with pytest.raises(CalendarUnknown, match="2028-01-03"):
        calendars.last_final_session(venue(), "kis", datetime(2028, 1, 3, 12, tzinfo=UTC))


# ---- generation ----


def overrides_with(folder: Path, *entries: str, venues: str | None = None) -> Path:
    """A folder whose overrides.toml holds a short range of XKRX and the given override tables."""
    head = venues or '[venues.XKRX]\ntimezone = "Asia/Seoul"\nfirst = 2026-05-01\nlast = 2026-07-31\n'
    text = head + "".join(f"[[overrides]]\n{entry}\n" for entry in entries)
    (folder / "overrides.toml").write_text(text, encoding="utf-8")
    return folder


ELECTION = 'venue = "XKRX"\ndate = 2026-06-03\nchange = "closed"\nsource = "s"'
CONSTITUTION = 'venue = "XKRX"\ndate = 2026-07-17\nchange = "closed"\nsource = "s"'


def test_the_packaged_calendars_are_what_a_fresh_build_makes(tmp_path: Path) -> None:
    (tmp_path / "overrides.toml").write_bytes((calendars.FOLDER / "overrides.toml").read_bytes())
    built = calendar_build.build(tmp_path)
    assert sorted(path.stem for path in built) == list(calendars.available())
    for path in built:
        fresh, packaged = path.read_text(encoding="utf-8"), (calendars.FOLDER / path.name).read_text(encoding="utf-8")
        assert fresh.split(";")[0] == packaged.split(";")[0]
        assert fresh.splitlines()[1:] == packaged.splitlines()[1:]


def test_nasdaq_keeps_the_sessions_of_new_york(tmp_path: Path) -> None:
    overrides = '[venues.XNAS]\ntimezone = "America/New_York"\nfirst = 2000-01-01\nlast = 2028-12-31\n'
    (path,) = calendar_build.build(overrides_with(tmp_path, venues=overrides))
    assert path.read_text("utf-8").splitlines()[1:] == (calendars.FOLDER / "XNYS.csv").read_text("utf-8").splitlines()[1:]


def test_the_build_refuses_to_guess_where_its_sources_differ(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="differ on 2026-07-17; decide each"):
        calendar_build.build(overrides_with(tmp_path, ELECTION))
    assert not (tmp_path / "XKRX.csv").exists()


def test_overrides_win_over_the_mirror(tmp_path: Path) -> None:
    saturday = 'venue = "XKRX"\ndate = 2026-06-06\nchange = "open"\nsource = "s"'
    late = 'venue = "XKRX"\ndate = 2026-06-08\nchange = "hours"\nopen = 11:00:00\nclose = 14:00:00\nsource = "s"'
    (path,) = calendar_build.build(overrides_with(tmp_path, ELECTION, CONSTITUTION, saturday, late))
    built = calendars.load(path)
    assert built.sessions(date(2026, 6, 2), date(2026, 6, 8)) == [date(2026, 6, day) for day in (2, 4, 5, 6, 8)]
    assert built.session(date(2026, 6, 6)).close == datetime(2026, 6, 6, 6, 30, tzinfo=UTC)
    assert built.session(date(2026, 6, 8)).open == datetime(2026, 6, 8, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('venue = "XKRX"\ndate = 2026-06-03\nchange = "closed"', "names its source"),
        ('venue = "XKRX"\ndate = 2026-06-03\nchange = "shut"\nsource = "s"', "'shut' is none of closed, open, hours"),
        ('venue = "XKRX"\ndate = 2026-06-03\nchange = "hours"\nsource = "s"', "give open and close"),
        ('venue = "XKRX"\ndate = 2026-06-03\nchange = "closed"\nsource = "s"\nwhy = "x"', "unknown keys why"),
        ('venue = "XNYS"\ndate = 2026-06-03\nchange = "closed"\nsource = "s"', "needs a venue of"),
        ('venue = "XKRX"\ndate = 2031-06-03\nchange = "closed"\nsource = "s"', "a date inside its range"),
        (f"{ELECTION}\n[[overrides]]\n{ELECTION}", "stands twice"),
    ],
)
def test_an_override_that_cannot_be_taken_is_named(tmp_path: Path, entry: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calendar_build.build(overrides_with(tmp_path, entry))


def test_a_venue_needs_a_known_timezone(tmp_path: Path) -> None:
    venues = '[venues.XKRX]\ntimezone = "Asia/Soul"\nfirst = 2026-05-01\nlast = 2026-07-31\n'
    with pytest.raises(ConfigError, match=r"venues\.XKRX\.timezone 'Asia/Soul'"):
        calendar_build.build(overrides_with(tmp_path, venues=venues))


def test_every_override_is_at_work_in_the_packaged_calendar() -> None:
    _, overrides = calendar_build.read_overrides(calendars.FOLDER / "overrides.toml")
    for override in overrides:
        if override.change == "closed":
            assert not KRX.is_session(override.date)
        else:
            assert local_hours(override.date) == (override.open, override.close)


# ---- New York ----


@pytest.mark.parametrize(
    "day",
    [
        date(2001, 9, 11),  # four sessions without trading after the attacks
        date(2001, 9, 14),
        date(2004, 6, 11),  # mourning: Reagan
        date(2007, 1, 2),  # mourning: Ford
        date(2012, 10, 29),  # Hurricane Sandy, two days
        date(2012, 10, 30),
        date(2018, 12, 5),  # mourning: Bush
        date(2022, 6, 20),  # the first Juneteenth kept, on the Monday after
        date(2025, 1, 9),  # mourning: Carter
        date(2026, 4, 3),  # Good Friday
        date(2026, 7, 3),  # Independence Day falls on a Saturday
        date(2026, 11, 26),
    ],
)
def test_new_york_is_closed(day: date) -> None:
    assert not NYS.is_session(day)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2021, 6, 18), (13, 30), (20, 0)),  # Juneteenth was no holiday of the exchange yet
        (date(2024, 7, 3), (13, 30), (17, 0)),  # 13:00 before Independence Day
        (date(2026, 3, 6), (14, 30), (21, 0)),  # the last session of winter time …
        (date(2026, 3, 9), (13, 30), (20, 0)),  # … and the first of summer time
        (date(2026, 11, 27), (14, 30), (18, 0)),  # 13:00 after Thanksgiving
        (date(2026, 12, 24), (14, 30), (18, 0)),
    ],
)
def test_hours_of_new_york(day: date, opens: tuple[int, int], closes: tuple[int, int]) -> None:
    session = NYS.session(day)
    assert (session.open, session.close) == (
        datetime.combine(day, time(*opens), UTC),
        datetime.combine(day, time(*closes), UTC),
    )


def test_a_session_of_new_york_is_final_at_half_past_noon_in_seoul_the_next_day() -> None:
    nasdaq = next(one for one in settings.get_config("US").venues if one.mic == "XNAS")
    assert calendars.final_at(nasdaq, "kis", date(2026, 11, 19)) == datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
    assert calendars.last_final_session(nasdaq, "kis", datetime(2026, 11, 20, 3, 29, tzinfo=UTC)) == date(2026, 11, 18)
    assert calendars.last_final_session(nasdaq, "kis", datetime(2026, 11, 20, 3, 30, tzinfo=UTC)) == date(2026, 11, 19)


# ---- against what was observed ----


@pytest.mark.skipif(not (SHARED / "data/ohlcv/KR").is_dir(), reason="no shared data beside the checkout")
def test_sessions_equal_the_dates_of_real_bars() -> None:
    observed: set[date] = set()
    for path in (SHARED / "data/ohlcv/KR").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            observed |= {date.fromisoformat(row["date"][:10]) for row in csv.DictReader(lines)}
    assert KRX.sessions(min(observed), max(observed)) == sorted(observed)


@pytest.mark.skipif(not (SHARED / "data/ohlcv/US").is_dir(), reason="no shared data beside the checkout")
def test_sessions_of_new_york_equal_the_dates_of_real_bars() -> None:
    observed: set[date] = set()
    for path in (SHARED / "data/ohlcv/US").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as lines:
            observed |= {date.fromisoformat(row["date"][:10]) for row in csv.DictReader(lines)}
    observed = {day for day in observed if NYS.first <= day}
    assert NYS.sessions(min(observed), max(observed)) == sorted(observed)


WINDOWS = SHARED / "data/whole_market/KR_2023_2024_windows.parquet"


@pytest.mark.skipif(not WINDOWS.is_file(), reason="no shared data beside the checkout")
def test_sessions_equal_the_dates_of_the_whole_market() -> None:
    import polars as pl

    observed = sorted(date.fromisoformat(text[:10]) for text in pl.read_parquet(WINDOWS)["Date"].unique())
    for year in (2023, 2024):
        days = [day for day in observed if day.year == year]
        assert KRX.sessions(days[0], days[-1]) == days


ANSWER = SHARED / "api/recorded/kis_measured/CTCA0903R_chk-holiday_20260105.json"


@pytest.mark.skipif(not ANSWER.is_file(), reason="no shared data beside the checkout")
def test_sessions_equal_the_providers_own_calendar() -> None:
    rows = json.loads(ANSWER.read_text(encoding="utf-8"))["output"]
    told = {date.fromisoformat(row["bass_dt"]): row["opnd_yn"] == "Y" for row in rows}
    assert {day: KRX.is_session(day) for day in told} == told
