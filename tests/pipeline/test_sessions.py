"""The sessions of a region: when they are final for each of the nine, and what several calendars make of a holiday."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline import settings
from pipeline.collect.providers import frozen, history_provider
from pipeline.collect.sessions import RegionSessions, closed_sessions, target_session, unfinished_session
from pipeline.errors import CalendarUnknown, TooEarly, UsageError

THURSDAY, FRIDAY = dt.date(2026, 11, 19), dt.date(2026, 11, 20)
MINUTE = dt.timedelta(minutes=1)

#: When Friday's bars of KIS, or of Yahoo, are final: market_semantics.md, "Finality per venue"; HK later (see its settings).
FINAL = [
    ("KR", "Asia/Seoul", FRIDAY, (20, 5)),
    ("CN", "Asia/Shanghai", FRIDAY, (15, 35)),
    ("HK", "Asia/Hong_Kong", FRIDAY, (16, 30)),
    ("JP", "Asia/Tokyo", FRIDAY, (15, 45)),
    ("VN", "Asia/Ho_Chi_Minh", FRIDAY, (15, 15)),
    ("AU", "Australia/Sydney", FRIDAY, (16, 20)),
    ("UK", "Europe/London", FRIDAY, (16, 45)),
    ("EU", "Europe/Paris", FRIDAY, (17, 45)),
    ("US", "Asia/Seoul", dt.date(2026, 11, 21), (12, 30)),
]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine with the keys of every provider."""
    monkeypatch.setenv("SPOCK_HOME", str(tmp_path))
    monkeypatch.delenv("SPOCK_SANDBOX_URL", raising=False)
    for name in ("KIS_APP_KEY", "KIS_APP_SECRET", "POLYGON_API_KEY"):
        monkeypatch.setenv(name, "x" * 36)
    return monkeypatch


@pytest.mark.parametrize(("region", "zone", "day", "hours"), FINAL, ids=[one[0] for one in FINAL])
@pytest.mark.usefixtures("keys")
def test_a_session_is_collected_from_the_minute_it_is_final(
    region: str, zone: str, day: dt.date, hours: tuple[int, int]
) -> None:
    config = settings.get_config(region)
    final = dt.datetime.combine(day, dt.time(*hours), ZoneInfo(zone)).astimezone(dt.UTC)
    early = unfinished_session(config, final - MINUTE)

    assert (target_session(config, final - MINUTE, None), target_session(config, final, None)) == (THURSDAY, FRIDAY)
    assert early is not None
    assert (early.retry_at, unfinished_session(config, final)) == (final, None)
    with pytest.raises(TooEarly, match=f"{region}: session 2026-11-20 is final at"):
        target_session(config, final - MINUTE, FRIDAY)


def test_finality_is_that_of_the_provider_that_can_be_asked(keys: pytest.MonkeyPatch) -> None:
    """KIS corrects its US bars until noon in Seoul; without its keys the bars come from Yahoo."""
    saturday = dt.datetime(2026, 11, 21, 0, 0, tzinfo=dt.UTC)
    config = settings.get_config("US")
    with_keys = frozen(config)
    keys.delenv("KIS_APP_KEY")
    keys.delenv("POLYGON_API_KEY")
    without = frozen(config)

    found = [(history_provider(one), target_session(one, saturday, None)) for one in (with_keys, without)]

    assert found == [("kis", THURSDAY), ("yfinance", FRIDAY)]
    # Whose list it should be stays known: one of a stand-in follows the watchlist alone.
    assert (without.chain["history"], without.chain["universe"]) == (("yfinance",), config.chain["universe"])


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (dt.datetime(2026, 11, 20, 11, 4, 59, tzinfo=dt.UTC), THURSDAY),  # Friday 20:04:59 in Seoul
        (dt.datetime(2026, 11, 20, 11, 5, tzinfo=dt.UTC), FRIDAY),
        (dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC), FRIDAY),  # Sunday
        (dt.datetime(2026, 11, 22, 22, tzinfo=dt.UTC), FRIDAY),  # Monday morning in Seoul
        (dt.datetime(2026, 6, 3, 12, tzinfo=dt.UTC), dt.date(2026, 6, 2)),  # election day
    ],
)
def test_the_newest_final_session_of_korea(now: dt.datetime, session: dt.date) -> None:
    assert RegionSessions(settings.get_config("KR")).newest_final("kis", now) == session


def test_a_clock_beyond_the_calendar_is_unknown() -> None:
    with pytest.raises(CalendarUnknown, match="2028-01-0"):
        RegionSessions(settings.get_config("KR")).newest_final("kis", dt.datetime(2028, 1, 3, 12, tzinfo=dt.UTC))


# several calendars --------------------------------------------------------------------------------------------------------

CHRISTMAS_EVE = dt.date(2026, 12, 24)


def trading(day: dt.date) -> set[str]:
    """The venues of EU with a closed session on `day`, seen from a week later."""
    later = dt.datetime.combine(day + dt.timedelta(days=7), dt.time(12), dt.UTC)
    return set(closed_sessions(settings.get_config("EU"), day, day, later)["venue"])


@pytest.mark.parametrize(
    ("day", "closed"),
    [
        pytest.param(CHRISTMAS_EVE, {"XETR", "XMIL"}, id="christmas eve"),
        pytest.param(dt.date(2026, 12, 31), {"XETR", "XMIL"}, id="new year's eve"),
        pytest.param(dt.date(2025, 8, 15), {"XMIL"}, id="assumption"),
        pytest.param(dt.date(2026, 4, 3), None, id="good friday"),
        pytest.param(FRIDAY, set(), id="an ordinary friday"),
    ],
)
def test_each_venue_has_its_own_sessions(day: dt.date, closed: set[str] | None) -> None:
    venues = {venue.mic for venue in settings.get_config("EU").venues}

    assert trading(day) == (set() if closed is None else venues - closed)
    assert RegionSessions(settings.get_config("EU")).has(day) == (closed is not None)


def test_a_region_has_a_session_wherever_one_of_its_venues_trades() -> None:
    days = RegionSessions(settings.get_config("EU"))

    assert (days.before(CHRISTMAS_EVE), days.after(CHRISTMAS_EVE)) == (dt.date(2026, 12, 23), dt.date(2026, 12, 28))
    assert days.window(3, dt.date(2026, 12, 26)) == [dt.date(2026, 12, day) for day in (22, 23, 24)]
    assert days.between(dt.date(2026, 4, 2), dt.date(2026, 4, 7)) == [dt.date(2026, 4, 2), dt.date(2026, 4, 7)]


@pytest.mark.usefixtures("keys")
def test_a_night_on_the_evening_of_a_part_holiday_is_for_that_day() -> None:
    config = settings.get_config("EU")
    evening = dt.datetime(2026, 12, 24, 18, 0, tzinfo=dt.UTC)

    assert target_session(config, evening, None) == target_session(config, evening, CHRISTMAS_EVE) == CHRISTMAS_EVE


@pytest.mark.usefixtures("keys")
def test_a_day_without_a_session_is_refused_with_its_neighbours() -> None:
    with pytest.raises(UsageError, match=r"closed that day; the session before is 2026-04-02, the next 2026-04-07"):
        target_session(settings.get_config("EU"), dt.datetime(2026, 6, 1, tzinfo=dt.UTC), dt.date(2026, 4, 3))


@pytest.mark.parametrize("ask", ["before", "after", "has"])
def test_what_no_calendar_knows_is_unknown(ask: str) -> None:
    days = RegionSessions(settings.get_config("CN"))
    with pytest.raises(CalendarUnknown, match="does not know 2031-01-02"):
        getattr(days, ask)(dt.date(2031, 1, 2))


@pytest.mark.usefixtures("keys")
def test_the_last_session_a_calendar_knows_is_collected_and_the_day_after_is_unknown() -> None:
    config = settings.get_config("CN")
    last = RegionSessions(config).last
    evening = dt.datetime.combine(last, dt.time(18), ZoneInfo("Asia/Shanghai"))

    assert (target_session(config, evening, None), unfinished_session(config, evening)) == (last, None)
    with pytest.raises(UsageError, match="does not know"):
        target_session(config, evening + dt.timedelta(days=1), None)
