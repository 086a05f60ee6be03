"""What makes the packaged calendars: mirror, second opinion, our lists, periods and overrides."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from shutil import copytree
from zoneinfo import ZoneInfo

import pytest

from pipeline import calendar_build, calendar_sources, calendars
from pipeline.errors import ConfigError


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
    copytree(calendars.FOLDER / "closed", tmp_path / "closed")
    built = calendar_build.build(tmp_path)
    assert sorted(path.stem for path in built) == list(calendars.available())
    for path in built:
        fresh, packaged = path.read_text(encoding="utf-8"), (calendars.FOLDER / path.name).read_text(encoding="utf-8")
        assert fresh.split(";")[0] == packaged.split(";")[0]
        assert fresh.splitlines()[1:] == packaged.splitlines()[1:]


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


OWN = """
[venues.XSTC]
timezone = "Asia/Ho_Chi_Minh"
first = 2026-04-20
last = 2026-05-08
closed_days = "closed.csv"
hours = { open = 09:00:00, break_start = 11:30:00, break_end = 13:00:00, close = 14:45:00 }
second_opinion = { country = "VN" }
"""
CLOSED = "# ours\ndate,reason,source\n2026-04-27,Hung Kings,s\n2026-04-30,Reunification,s\n2026-05-01,Labor,s\n"


def test_a_venue_without_a_mirror_trades_on_all_weekdays_that_our_list_leaves_open(tmp_path: Path) -> None:
    (tmp_path / "closed.csv").write_text(CLOSED + "2026-05-04,the exchange moves,s\n", encoding="utf-8")
    (path,) = calendar_build.build(overrides_with(tmp_path, venues=OWN))
    built = calendars.load(path)
    assert [day.strftime("%m-%d") for day in built.sessions(built.first, built.last)] == [
        *("04-20", "04-21", "04-22", "04-23", "04-24", "04-28", "04-29"),
        *("05-05", "05-06", "05-07", "05-08"),
    ]
    assert built.session(date(2026, 5, 5)) == calendars.Session(
        session=date(2026, 5, 5),
        open=datetime(2026, 5, 5, 2, tzinfo=UTC),
        close=datetime(2026, 5, 5, 7, 45, tzinfo=UTC),
        break_start=datetime(2026, 5, 5, 4, 30, tzinfo=UTC),
        break_end=datetime(2026, 5, 5, 6, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("closed", "message"),
    [
        (CLOSED.replace("2026-04-30,Reunification,s\n", ""), "XSTC: mirror and second opinion differ on 2026-04-30"),
        (CLOSED.replace("Labor,s", "Labor,"), "2026-05-01: once a date, with its reason and its source"),
        (CLOSED + "2026-05-01,Labor,s\n", "2026-05-01: once a date"),
        (CLOSED.replace("2026-04-27", "27 April"), "'27 April' is no date"),
        ("day\n", "its columns are date,reason,source"),
        (None, r"closed\.csv is missing"),
    ],
)
def test_a_list_of_closed_days_that_cannot_be_taken_is_named(tmp_path: Path, closed: str | None, message: str) -> None:
    if closed is not None:
        (tmp_path / "closed.csv").write_text(closed, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        calendar_build.build(overrides_with(tmp_path, venues=OWN))


def test_hours_of_a_period_change_its_full_sessions_alone(tmp_path: Path) -> None:
    venues = """
[venues.XHKG]
timezone = "Asia/Hong_Kong"
first = 2010-12-01
last = 2011-01-31
second_opinion = { first = 2011-02-01 }
[[periods]]
venue = "XHKG"
first = 2010-12-01
last = 2010-12-31
break_start = 12:30:00
break_end = 14:30:00
source = "s"
"""
    (path,) = calendar_build.build(overrides_with(tmp_path, venues=venues))
    lines = dict(line.split(",", 1) for line in path.read_text("utf-8").splitlines()[2:])
    assert {day: lines[day] for day in ("2010-12-30", "2010-12-31", "2011-01-03")} == {
        "2010-12-30": "2010-12-30 02:00:00,2010-12-30 08:00:00,2010-12-30 04:30:00,2010-12-30 06:30:00",
        "2010-12-31": "2010-12-31 02:00:00,2010-12-31 04:30:00,,",
        "2011-01-03": "2011-01-03 02:00:00,2011-01-03 08:00:00,2011-01-03 04:00:00,2011-01-03 05:00:00",
    }


KRX_TABLE = '[venues.XKRX]\ntimezone = "Asia/Seoul"\nfirst = 2026-05-01\nlast = 2026-07-31\n'
PERIOD = '[[periods]]\nvenue = "XKRX"\nfirst = 2026-05-01\nlast = 2026-05-31\n'


@pytest.mark.parametrize(
    ("venues", "message"),
    [
        (KRX_TABLE + 'closed_days = "x.csv"\n', "closed_days and hours go together"),
        (KRX_TABLE + 'lunch = "12:00"\n', "unknown keys lunch"),
        (KRX_TABLE + 'second_opinion = { market = "XKRX", country = "KR" }\n', "a market or a country, not both"),
        (KRX_TABLE + 'second_opinion = { also_closed = ["13-01"] }\n', "'13-01' is no MM-DD"),
        (KRX_TABLE + PERIOD + "close = 15:00:00\n", "names its source"),
        (KRX_TABLE + PERIOD + 'source = "s"\n', "give one of open, close"),
        (KRX_TABLE + PERIOD.replace("XKRX", "XHKG") + 'close = 15:00:00\nsource = "s"\n', "needs a venue of"),
        (KRX_TABLE + PERIOD + 'close = "15:00"\nsource = "s"\n', "hours are local times"),
        ("[markets.XKRX]\n", "unknown keys markets; known are venues, periods and overrides"),
    ],
)
def test_a_table_that_cannot_be_taken_is_named(tmp_path: Path, venues: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calendar_build.build(overrides_with(tmp_path, venues=venues))


def test_every_override_is_at_work_in_the_packaged_calendar() -> None:
    sources = calendar_sources.read(calendars.FOLDER / "overrides.toml")
    differing = []
    for override in sources.overrides:
        built = calendars.calendar(override.venue)
        zone = ZoneInfo(built.timezone)
        wanted = None if override.change == "closed" else (override.open, override.close)
        found: tuple[time, time] | None = None
        if built.is_session(override.date):
            session = built.session(override.date)
            found = (session.open.astimezone(zone).time(), session.close.astimezone(zone).time())
        if (wanted is None) != (found is None) or (wanted is not None and wanted[0] is not None and found != wanted):
            differing.append((override.venue, override.date, wanted, found))
    assert differing == []
