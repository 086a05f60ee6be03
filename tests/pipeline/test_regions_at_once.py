"""A command over several regions: they work at the same time, none stops another, and one replica shows what all left."""

from __future__ import annotations

import datetime as dt
import json
import signal
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from adapters.sandbox import control

NINE = ("KR", "US", "CN", "HK", "JP", "VN", "AU", "UK", "EU")
#: Friday evening in Paris: eight regions have Friday's session, New York's of Thursday is final for KIS.
EVENING = dt.datetime(2026, 11, 20, 18, 0, tzinfo=dt.UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
HISTORY = {"KR": "FHKST03010100", "US": "HHDFS76240000"}

NightHome = Callable[..., tuple[Any, Any]]


def together(night_home: NightHome, *regions: str, **wanted: Any) -> tuple[Any, Any]:
    """A home beside a sandbox of these regions, five sessions for a first night."""
    environment = {"SPOCK_COLLECT__INITIAL_SESSIONS": "5", **wanted.pop("environment", {})}
    return night_home(environment=environment, regions=regions, **{"tickers": 7 * len(regions), "now": EVENING} | wanted)


def left(home: Any) -> dict[str, pl.DataFrame]:
    """Every table without the stamps of the clock, and without the run that claimed the store: any may be the first."""
    return {name: frame for name, frame in home.business().items() if name != "store_origin"}


def statuses(done: Any) -> list[tuple[str, str]]:
    return [(row["region"], row["status"]) for row in done.rows]


def test_nine_regions_in_one_command_leave_what_one_after_the_other_leaves(night_home: NightHome, tools: Any) -> None:
    home, server = together(night_home, *NINE)
    alone = tools.home(home.path.with_name("alone"), home.path.with_name("alone-machine"), home.environment)

    done = home.inside("nightly", *NINE)

    assert (done.code, statuses(done)) == (0, [(region, "complete") for region in NINE]), done.out + done.words
    assert {row["coverage"] for row in done.rows} == {1.0}
    for region in NINE:
        assert alone.inside("nightly", region).code == 0
    assert tools.differences(left(home), left(alone)) == {}
    assert len(list(home.path.glob("replica-*.duckdb"))) == 1
    plans = [event["region"] for event in map(json.loads, done.err.splitlines()) if event["event"] == "plan"]
    assert sorted(plans) == sorted(NINE)
    control.clear_report(server.url)
    again = home.inside("nightly", *NINE)
    assert (again.code, {str(row["requests"]) for row in again.rows}) == (0, {"{}"})


def test_a_failing_region_stops_no_other(night_home: NightHome) -> None:
    impatient = {"SPOCK_COLLECT__PATIENCE_SECONDS": "0.5", "SPOCK_TRANSPORT__ATTEMPTS": "1"}
    home, server = together(night_home, "KR", "US", environment=impatient)
    control.set_fault(server.url, kind="http_500", tr=HISTORY["US"], seconds=600)

    done = home.inside("nightly", "US", "KR")

    assert (done.code, statuses(done)) == (1, [("US", "failed"), ("KR", "complete")])
    with home.store.read() as replica:
        assert replica.sql("SELECT DISTINCT region FROM ohlcv_data").fetchall() == [("KR",)]


def test_a_region_that_is_too_early_stops_no_other(night_home: NightHome) -> None:
    """16:30 in Tokyo and Seoul: Japan's session is final, Korea's will be at 20:05."""
    home, _ = together(night_home, "KR", "JP", now=dt.datetime(2026, 11, 20, 16, 30, tzinfo=TOKYO))

    done = home.inside("nightly", "KR", "JP", "--date", "2026-11-20")

    assert (done.code, statuses(done)) == (3, [("KR", "too_early"), ("JP", "complete")])
    assert done.rows[0]["retry_at"] == "2026-11-20T11:05:00+00:00"
    assert home.table("ohlcv_data").select("region", pl.col("date").max()).unique().rows() == [("JP", dt.date(2026, 11, 20))]


def test_a_region_that_is_closed_on_the_day_asked_for_stops_no_other(night_home: NightHome) -> None:
    """Monday 2026-11-23 is a holiday in Japan."""
    home, _ = together(night_home, "KR", "JP", now=dt.datetime(2026, 11, 23, 21, 0, tzinfo=TOKYO))

    done = home.inside("nightly", "JP", "KR", "--date", "2026-11-23")

    assert (done.code, statuses(done)) == (1, [("JP", "failed"), ("KR", "complete")])
    assert "closed that day" in done.rows[0]["error"]
    with home.store.read() as replica:
        assert replica.sql("SELECT region, last_complete_session FROM region_state").fetchall() == [
            ("KR", dt.date(2026, 11, 23))
        ]


#: The calendars of Shanghai and Hanoi end with 2026; Tokyo's goes on.
NEW_YEAR = dt.datetime(2027, 1, 5, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize("command", [("nightly",), ("backfill", "--days", "5")], ids=lambda one: one[0])
def test_a_region_whose_calendar_ends_before_now_stops_no_other(night_home: NightHome, command: tuple[str, ...]) -> None:
    home, _ = together(night_home, "CN", "VN", "JP", now=NEW_YEAR)

    done = home.inside(*command, "CN", "VN", "JP")

    assert (done.code, statuses(done)) == (1, [("CN", "failed"), ("VN", "failed"), ("JP", "complete")]), done.out
    assert [row["retry_at"] for row in done.rows] == [None, None, None]
    for row in done.rows[:2]:
        assert f"{row['region']}: now is 2027-01-05 12:00 UTC" in row["error"]
        assert "`spock calendar build`" in row["error"]
    with home.store.read() as replica:
        assert replica.sql("SELECT DISTINCT region FROM ohlcv_data").fetchall() == [("JP",)]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("nightly", "CN", "VN"), ("CN: now is 2027-01-05", "VN: now is 2027-01-05")),
        (("nightly", "CN"), ("CN: now is 2027-01-05",)),
        (("backfill", "JP", "CN", "--days", "0"), ("--days 0: give 1 or more sessions", "CN: now is 2027-01-05")),
        (("backfill", "JP", "EU", "--days", "5"), ("region EU is off",)),
        (("backfill", "JP", "ATLANTIS", "--days", "5"), ("'ATLANTIS'",)),
        (("nightly", "JP", "EU"), ("region EU is off",)),
    ],
    ids=lambda one: " ".join(one) if one[0] in ("nightly", "backfill") else "",
)
def test_what_no_region_can_do_is_refused_before_anything_is_asked(
    night_home: NightHome, command: tuple[str, ...], words: tuple[str, ...]
) -> None:
    home, server = together(
        night_home, "CN", "VN", "JP", now=NEW_YEAR, environment={"SPOCK_REGIONS__EU__STATUS": "off"}
    )

    done = home.inside(*command)

    assert (done.code, done.out) == (2, "")
    assert [word for word in words if word not in done.words] == []
    assert control.report(server.url)["requests"] == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda one: one.name)
def test_regions_that_are_stopped_together_go_on_together(night_home: NightHome, tools: Any, how: signal.Signals) -> None:
    slow = {"SPOCK_TRANSPORT__WORKERS": "1", "SPOCK_COLLECT__BATCH_PAGES": "1", "SPOCK_COLLECT__INITIAL_SESSIONS": "150"}
    home, server = together(night_home, "KR", "US", environment=slow, enforce_limits=True)
    alone = tools.home(home.path.with_name("alone"), home.state_dir, home.environment)
    process = home.start("nightly", "KR", "US")
    tools.said(process, '"progress"')

    process.send_signal(how)
    _, err = process.communicate(timeout=60)

    if how is signal.SIGINT:
        assert (process.returncode, "goes on" in err, "Traceback" in err) == (130, True, False), err
    spooled = home.spooled()
    control.clear_report(server.url)
    done = home.inside("nightly", "KR", "US")
    assert (done.code, statuses(done)) == (0, [("KR", "complete"), ("US", "complete")]), done.out
    asked = {row["code"] for row in control.report(server.url, detail=True)["detail"] if row["tr"] in HISTORY.values()}
    assert asked & spooled == set()
    assert alone.inside("nightly", "KR", "US").code == 0
    assert tools.differences(left(home), left(alone)) == {}
