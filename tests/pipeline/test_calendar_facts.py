"""What the packaged calendars say of known days: holidays, storms, outages, half days, late opens, breaks, changed hours."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline import calendars

SHARED = Path(__file__).resolve().parents[3] / "shared"

# Local dates; those that the mirror or the second opinion has wrong are marked !.
CLOSED = """
XKRX 2000-01-03 2000-12-27 2015-05-01 2016-12-30 2020-08-17 2024-04-10 2024-10-01 2025-01-27 2025-06-03 2025-12-31
XKRX 2026-05-01 2026-06-03! 2026-07-17! 2026-08-17 2026-10-05 2026-12-31 2027-05-03! 2027-07-19! 2026-11-21
XNYS 2001-09-11 2001-09-14 2004-06-11 2007-01-02 2012-10-29 2012-10-30 2018-12-05 2022-06-20 2025-01-09 2026-04-03 2026-07-03
XNAS 2001-09-11 2012-10-30 2025-01-09 2026-11-26
XSHG 2024-02-09 2025-01-28 2026-01-02 2026-02-16 2026-02-23 2026-04-06 2026-06-19 2026-09-25 2026-10-07 2026-02-28 2026-10-10
XSHE 2024-02-09 2026-02-23
XHKG 2017-08-23 2020-10-13 2021-10-13 2022-09-12 2023-07-17 2023-09-01! 2023-09-08! 2024-09-06 2026-02-17 2026-04-07 2026-05-25
XTKS 2019-04-30 2019-05-06 2020-10-01 2021-07-22 2023-01-03 2026-05-06 2026-09-22 2026-12-31
XSTC 2018-01-23! 2018-01-24! 2023-05-03 2024-04-29 2025-05-02 2026-01-02! 2026-02-16 2026-02-20 2026-04-27 2026-08-31 2026-09-02
XHNX 2024-04-29 2026-01-02! 2026-08-31
XASX 2022-09-22 2023-06-12 2024-04-25 2026-01-26 2026-06-08 2026-12-28
XLON 2011-04-29 2020-05-08 2022-06-03 2022-09-19 2023-05-08 2025-12-26 2026-05-04 2026-08-31
XPAR 2023-05-01 2024-03-29 2025-04-21 2025-12-26 2026-05-01
XAMS 2024-04-01 2026-04-03
XBRU 2025-05-01 2026-04-06
XLIS 2025-12-25 2026-01-01
XETR 2018-05-21 2020-06-01 2021-05-24 2018-10-03 2017-10-31 2024-12-24 2024-12-31 2026-12-24
XMIL 2023-08-15 2024-12-24 2024-12-26 2025-12-31 2026-12-31
XMAD 2009-12-24 2010-12-31 2021-12-24! 2021-12-31! 2025-12-26 2026-04-06
"""

OPEN = """
XKRX 2007-07-16 2016-12-29 2024-12-30 2026-06-02
XNYS 2021-06-18 2024-12-26 2025-12-26 2026-07-02
XSHG 2024-02-08 2026-02-24 2026-01-05
XHKG 2023-08-31 2024-11-14 2026-07-02
XTKS 2020-10-02 2024-11-05 2026-09-24
XSTC 2018-01-25 2021-12-31 2026-01-05 2026-02-23
XHNX 2018-01-23 2018-01-24
XASX 2021-04-26 2026-04-27 2025-10-06
XLON 2022-06-06 2026-01-02
XPAR 2023-05-08 2023-05-18 2026-05-25 2026-07-14
XETR 2022-06-06 2022-10-03 2026-05-25 2026-10-05
XMIL 2024-04-25 2024-11-01
XMAD 2024-08-15 2025-01-06
XLIS 2026-06-10
"""

# Venue, days, local open and close, local break.
HOURS = """
XKRX 2016-07-29            09:00-15:00
XKRX 2016-08-01,2026-11-20 09:00-15:30
XKRX 2027-12-30            09:00-15:30
XKRX 2016-01-04            10:00-15:00
XKRX 2023-01-02,2024-01-02,2025-01-02,2026-01-02 10:00-15:30
XKRX 2001-09-12            12:00-15:00
XKRX 2015-11-12            10:00-16:00
XKRX 2017-11-16,2017-11-23,2020-12-03,2021-11-18,2022-11-17,2023-11-16,2024-11-14,2025-11-13,2026-11-19 10:00-16:30
XKRX 2000-05-19            09:00-15:00 12:00-13:00
XNYS 2026-03-06,2026-03-09 09:30-16:00
XNYS 2024-07-03,2026-11-27,2026-12-24 09:30-13:00
XNAS 2025-07-03,2025-11-28 09:30-13:00
XSHG 2026-08-31            09:30-15:00 11:30-13:00
XSHE 2026-08-31            09:30-15:00 11:30-13:00
XHKG 2011-03-04            10:00-16:00 12:30-14:30
XHKG 2011-03-07,2012-03-02 09:30-16:00 12:00-13:30
XHKG 2012-03-05,2026-08-31 09:30-16:00 12:00-13:00
XHKG 2010-12-31            10:00-12:30
XHKG 2020-12-24,2024-12-24,2025-01-28,2025-12-31,2026-02-16 09:30-12:00
XHKG 2022-12-30            09:30-16:00 12:00-13:00
XHKG 2021-06-28            13:30-16:00
XHKG 2022-08-25            13:00-16:00
XHKG 2023-10-09            14:00-16:00
XTKS 2011-11-18            09:00-15:00 11:00-12:30
XTKS 2011-11-21,2024-11-01 09:00-15:00 11:30-12:30
XTKS 2024-11-05,2026-08-31 09:00-15:30 11:30-12:30
XTKS 2008-12-30,2009-01-05 09:00-11:00
XTKS 2009-12-30,2010-01-04 09:00-15:00 11:00-12:30
XSTC 2010-09-10            08:30-10:30
XSTC 2010-09-13            08:30-10:45
XSTC 2013-07-19            09:00-14:15 11:30-13:00
XSTC 2013-07-22,2023-01-03,2026-08-28 09:00-14:45 11:30-13:00
XHNX 2013-07-29,2026-08-28 09:00-14:45 11:30-13:00
XASX 2026-08-31,2022-12-23,2022-12-30,2023-12-22,2023-12-29 10:00-16:00
XASX 2016-12-23,2021-12-31,2024-12-24,2024-12-31,2025-12-24,2026-12-31 10:00-14:10
XLON 2026-08-28            08:00-16:30
XLON 2022-12-23,2023-12-22,2023-12-29,2024-12-24,2025-12-31 08:00-12:30
XPAR 2024-12-24,2025-12-31 09:00-14:05
XPAR 2023-12-22,2026-08-31 09:00-17:30
XAMS 2024-12-31            09:00-14:05
XBRU 2025-12-24            09:00-14:05
XLIS 2026-08-31            08:00-16:30
XLIS 2024-12-24            08:00-13:05
XETR 2001-05-02            09:00-20:00
XETR 2003-11-03,2026-08-31 09:00-17:30
XETR 2023-12-29,2024-12-30,2025-12-30 09:00-14:00
XMIL 2024-12-23,2026-08-31 09:00-17:30
XMAD 2020-12-24,2024-12-24,2024-12-31,2025-12-24,2026-12-31 09:00-14:00
XMAD 2023-12-22,2026-08-31 09:00-17:30
"""


def days_of(table: str) -> list[tuple[str, date]]:
    return [
        (mic, date.fromisoformat(day.rstrip("!")))
        for mic, *days in (line.split() for line in table.strip().splitlines())
        for day in days
    ]


def local_hours(mic: str, day: date) -> str:
    """A session on the venue's own clock: `09:00-15:30`, and its break where there is one."""
    known = calendars.calendar(mic)
    session = known.session(day)
    texts = [
        None if moment is None else moment.astimezone(ZoneInfo(known.timezone)).strftime("%H:%M")
        for moment in (session.open, session.close, session.break_start, session.break_end)
    ]
    return f"{texts[0]}-{texts[1]}" + ("" if texts[2] is None else f" {texts[2]}-{texts[3]}")


def test_every_venue_of_the_nine_regions_has_a_calendar() -> None:
    wanted = "XAMS XASX XBRU XETR XHKG XHNX XKRX XLIS XLON XMAD XMIL XNAS XNYS XPAR XSHE XSHG XSTC XTKS"
    assert " ".join(calendars.available()) == wanted


def test_venues_are_closed_on_the_days_they_were() -> None:
    assert [(mic, day) for mic, day in days_of(CLOSED) if calendars.calendar(mic).is_session(day)] == []


def test_venues_are_open_on_the_days_they_were() -> None:
    assert [(mic, day) for mic, day in days_of(OPEN) if not calendars.calendar(mic).is_session(day)] == []


@pytest.mark.parametrize("line", HOURS.strip().splitlines())
def test_sessions_have_their_hours(line: str) -> None:
    mic, days, *hours = line.split()
    wanted = {day: " ".join(hours) for day in days.split(",")}
    assert {day: local_hours(mic, date.fromisoformat(day)) for day in wanted} == wanted


def test_every_first_session_of_a_year_in_seoul_since_2001_opens_at_ten() -> None:
    krx = calendars.calendar("XKRX")
    firsts = [krx.next_session(date(year - 1, 12, 31)) for year in range(2001, 2028)]
    assert {local_hours("XKRX", day)[:5] for day in firsts} == {"10:00"}


def test_from_2023_to_august_2026_the_only_unusual_hours_are_known_ones() -> None:
    unusual = {}
    for mic in calendars.available():
        hours = {day: local_hours(mic, day) for day in calendars.calendar(mic).sessions(date(2023, 1, 1), date(2026, 8, 31))}
        usual = {text for text, count in Counter(hours.values()).items() if count > 100}
        unusual[mic] = sum(text not in usual for text in hours.values())
    assert unusual == {
        "XKRX": 7,  # four first sessions of a year, three exam days
        **dict.fromkeys(("XNYS", "XNAS"), 8),
        **dict.fromkeys(("XSHG", "XSHE", "XTKS", "XSTC", "XHNX", "XMIL"), 0),
        "XHKG": 8,  # 2023-10-09, two each December since 2024, three eves of the Lunar New Year
        "XASX": 4,
        "XLON": 6,
        **dict.fromkeys(("XPAR", "XAMS", "XBRU", "XLIS", "XMAD"), 4),
        "XETR": 3,
    }


@pytest.mark.parametrize(("twin", "model"), [("XNAS", "XNYS"), ("XSHE", "XSHG")])
def test_twins_keep_the_same_sessions(twin: str, model: str) -> None:
    one, other = ((calendars.FOLDER / f"{mic}.csv").read_text("utf-8").splitlines()[1:] for mic in (twin, model))
    assert one == other


def test_hanoi_differs_from_ho_chi_minh_city_by_the_outage_alone() -> None:
    start, end = date(2010, 1, 1), date(2026, 12, 31)
    saigon, hanoi = (set(calendars.calendar(mic).sessions(start, end)) for mic in ("XSTC", "XHNX"))
    assert saigon ^ hanoi == {date(2018, 1, 23), date(2018, 1, 24)}


def test_the_exchanges_of_euronext_open_and_close_together_since_2003() -> None:
    paris = calendars.calendar("XPAR")
    days = paris.sessions(date(2003, 1, 1), paris.last)
    for mic in ("XAMS", "XBRU", "XLIS"):
        other = calendars.calendar(mic)
        assert [other.session(day) for day in other.sessions(days[0], other.last)] == [paris.session(day) for day in days]


# ---- against what was observed ----

observed_bars = pytest.mark.skipif(not (SHARED / "data/ohlcv").is_dir(), reason="no shared data beside the checkout")


def traded(region: str, tickers: set[str] | None = None) -> Counter[date]:
    """How many tickers of the shared bars have volume on a day."""
    days: Counter[date] = Counter()
    for path in (SHARED / "data/ohlcv" / region).glob("*.csv"):
        if tickers is None or path.stem in tickers:
            with path.open(encoding="utf-8", newline="") as lines:
                days.update(
                    date.fromisoformat(row["date"][:10]) for row in csv.DictReader(lines) if float(row["volume"] or 0) > 0
                )
    return days


@observed_bars
@pytest.mark.parametrize(
    ("region", "mic", "tickers", "holes"),
    [
        ("KR", "XKRX", None, ()),
        ("US", "XNYS", None, ()),
        ("CN", "XSHG", None, ()),
        ("JP", "XTKS", None, ()),
        ("VN", "XSTC", None, ()),
        ("AU", "XASX", None, ()),
        ("UK", "XLON", None, ()),
        ("HK", "XHKG", {"00001"}, ()),
        # The source has flat rows without volume on three half days.
        ("HK", "XHKG", {"00700"}, ("2020-12-24", "2020-12-31", "2021-02-11")),
        # The source has no row at all; Euronext was open for half a day.
        ("EU", "XPAR", {"AIR", "BNP", "MC", "SAN"}, ("2015-12-31",)),
        ("EU", "XETR", {"SIE"}, ()),
    ],
)
def test_sessions_equal_the_dates_of_real_bars(region: str, mic: str, tickers: set[str] | None, holes: tuple[str, ...]) -> None:
    known = calendars.calendar(mic)
    observed = {day for day in traded(region, tickers) if day >= known.first}
    sessions = set(known.sessions(min(observed), max(observed)))
    assert (observed - sessions, sessions - observed) == (set(), {date.fromisoformat(day) for day in holes})


SAIGON = SHARED / "data/calendars/XSTC_HOSE_observed_sessions.csv"


@pytest.mark.skipif(not SAIGON.is_file(), reason="no shared data beside the checkout")
def test_sessions_of_ho_chi_minh_city_equal_the_observed_ones() -> None:
    known = calendars.calendar("XSTC")
    with SAIGON.open(encoding="utf-8", newline="") as lines:
        observed = [date.fromisoformat(row["date"]) for row in csv.DictReader(lines)]
    inside = [day for day in observed if day >= known.first]
    assert known.sessions(known.first, inside[-1]) == inside


WINDOWS = SHARED / "data/whole_market/KR_2023_2024_windows.parquet"


@pytest.mark.skipif(not WINDOWS.is_file(), reason="no shared data beside the checkout")
def test_sessions_equal_the_dates_of_the_whole_market() -> None:
    import polars as pl

    krx = calendars.calendar("XKRX")
    observed = sorted(date.fromisoformat(text[:10]) for text in pl.read_parquet(WINDOWS)["Date"].unique())
    for year in (2023, 2024):
        days = [day for day in observed if day.year == year]
        assert krx.sessions(days[0], days[-1]) == days


ANSWER = SHARED / "api/recorded/kis_measured/CTCA0903R_chk-holiday_20260105.json"


@pytest.mark.skipif(not ANSWER.is_file(), reason="no shared data beside the checkout")
def test_sessions_equal_the_providers_own_calendar() -> None:
    krx = calendars.calendar("XKRX")
    rows = json.loads(ANSWER.read_text(encoding="utf-8"))["output"]
    told = {date.fromisoformat(row["bass_dt"]): row["opnd_yn"] == "Y" for row in rows}
    assert {day: krx.is_session(day) for day in told} == told


def test_no_session_falls_on_a_weekend_and_all_hours_lie_in_order() -> None:
    odd = []
    for mic in calendars.available():
        known = calendars.calendar(mic)
        for day in known.sessions(known.first, known.last):
            one = known.session(day)
            moments: list[datetime] = [one.open, *(m for m in (one.break_start, one.break_end) if m is not None), one.close]
            local = {moment.astimezone(ZoneInfo(known.timezone)).date() for moment in moments}
            if day.weekday() > 4 or moments != sorted(moments) or local != {day} or one.close - one.open > timedelta(hours=12):
                odd.append((mic, day))
    assert odd == []
