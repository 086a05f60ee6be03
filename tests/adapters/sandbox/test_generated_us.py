"""The generated US market: its own venues, ticks and hours, drawn as the Korean one is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.kis.security_type import security_type
from adapters.sandbox import ticks
from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.market import Bar, Name, price_factor
from pipeline.calendars import calendar

#: Friday 2026-11-20, 17:00 in New York: the session is over.
NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
EARLY, LATE = date(2015, 1, 1), date(2027, 12, 31)
ROOT = Path(__file__).resolve().parents[3]
XNYS = calendar("XNYS")
ALWAYS = ["AAPL", "TSLA", "JPM", "BAC", "WFC", "C"]
FLOOR, SMALL = 150_000_000, 100_000_000


def us(tickers: int = 13, seed: int = 1) -> GeneratedMarket:
    return GeneratedMarket(region="US", tickers=tickers, seed=seed)


def window(market: GeneratedMarket, code: str, sessions: int = 300) -> list[Bar]:
    return market.bars(code, XNYS.window(sessions, date(2026, 11, 20))[0], LATE, NOW)


def kind(name: Name) -> str:
    """What the adapter takes a listing for."""
    return security_type(name.venue, name.code, name.name, name.english, name.group, name.etyp)


def values(market: GeneratedMarket, names: list[Name], now: datetime) -> Mapping[str, float]:
    """Market values in USD as the wire's search counts them: last price × shares of the day."""
    return {
        name.code: float(market.reference(name.code, now)[0]) / market.scale * share_count(name, market.steps(name.code, now))
        for name in names
    }


def test_a_name_is_the_same_whatever_else_is_listed_and_whatever_was_asked_before() -> None:
    small, large = us(20), us(400)
    code = small.roster.followed[-1]
    middle = large.bars(code, date(2025, 6, 1), date(2025, 8, 15), NOW)
    whole = small.bars(code, EARLY, LATE, NOW)
    assert middle == [bar for bar in whole if date(2025, 6, 1) <= bar.date <= date(2025, 8, 15)]
    assert large.bars(code, EARLY, LATE, NOW) == whole


def test_another_process_draws_the_same_bars() -> None:
    program = (
        "import json; from datetime import *; from adapters.sandbox.generated import GeneratedMarket as G;"
        "m = G(region='US', tickers=40); until = datetime(2026, 11, 20, 22, tzinfo=UTC);"
        "print(json.dumps([[*map(str, bar)] for code in ('BRTG', m.roster.unfollowed[10]) for bar in"
        " m.bars(code, date(2025, 7, 1), date(2026, 6, 30), until)]))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    market = us()
    codes = ("BRTG", market.roster.unfollowed[10])
    ours = [bar for code in codes for bar in market.bars(code, date(2025, 7, 1), date(2026, 6, 30), NOW)]
    assert ours
    assert json.loads(other.stdout) == [[*map(str, bar)] for bar in ours]


def test_another_seed_is_another_market() -> None:
    assert window(us(seed=1), "JPM") != window(us(seed=2), "JPM")


def test_every_bar_keeps_the_rules_of_the_exchange() -> None:
    market = us(60)
    sessions = XNYS.sessions(date(2015, 1, 2), date(2026, 11, 20))
    cents = 0
    for code in [*market.roster.followed, *market.roster.unfollowed[:40]]:
        name = market.find(code)
        assert name is not None
        bars = market.bars(code, EARLY, LATE, NOW)[::-1]
        assert [bar.date for bar in bars] == [day for day in sessions if day >= name.listed], code
        for before, bar in zip([None, *bars], bars, strict=False):
            if before is not None and bar.factor == 1.0:
                assert bar.base == before.close, (code, bar)
            if not bar.open:
                assert (bar.open, bar.high, bar.low, bar.volume, bar.amount) == (0, 0, 0, 0, 0)
                assert before is not None
                assert bar.close == before.close
                continue
            assert all(isinstance(price, int) for price in bar[1:7]), (code, bar)
            grid = ticks.grid(name.venue, bar.date)
            assert all(price % grid.tick(int(price)) == 0 for price in bar[1:5]), (code, bar)
            assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high, (code, bar)
            assert bar.volume > 0
            # Whole dollars of prices in ten-thousandths: cut, never rounded up.
            assert bar.low * bar.volume // 10_000 <= bar.amount <= bar.high * bar.volume / 10_000, (code, bar)
            cents += bar.close < 10_000
    assert cents > 0, "no price under a dollar was drawn, so its tick was not tried"


def test_thirteen_names_show_everything_within_the_year() -> None:
    market = us()
    assert market.roster.followed == [*ALWAYS, "HLVN", "LUMR", "BRTG", "BRK/B", "O", "CDRX", "MRFD"]
    bars = {code: window(market, code) for code in market.roster.followed}
    lengths = {code: len(rows) for code, rows in bars.items()}
    steps = {code: [(bar.date, bar.factor) for bar in rows if bar.factor != 1.0] for code, rows in bars.items()}
    idle = {code: [bar.date for bar in rows if not bar.open] for code, rows in bars.items()}
    assert {code: length for code, length in lengths.items() if length != 300} == {"LUMR": 177}
    assert {code: step for code, step in steps.items() if step} == {
        "HLVN": [(date(2026, 6, 8), 0.25)],
        "BRTG": [(date(2026, 3, 16), 10.0)],
    }
    assert {code for code, days in idle.items() if days} == {"CDRX", "MRFD"}
    halt = XNYS.sessions(date(2026, 7, 13), date(2026, 7, 31))[:6]
    assert sorted(idle["CDRX"]) == halt
    assert all(market.halted("CDRX", day) for day in halt)
    assert 20 <= len(idle["MRFD"]) <= 70
    assert not any(market.halted("MRFD", day) for day in idle["MRFD"])
    listed = [name for code in market.roster.followed if (name := market.find(code))]
    assert {name.code: kind(name) for name in listed if kind(name) != "common"} == {"O": "reit"}
    assert {name.venue for name in listed} == {"XNYS", "XNAS", "XASE"}


@pytest.mark.parametrize(
    ("code", "ex_date", "shares_for_one"), [("HLVN", date(2026, 6, 8), 4), ("BRTG", date(2026, 3, 16), 0.1)]
)
def test_a_split_moves_the_base_and_nothing_else(code: str, ex_date: date, shares_for_one: float) -> None:
    market = us()
    bars = {bar.date: bar for bar in window(market, code)}
    before, after = bars[XNYS.previous_session(ex_date)], bars[ex_date]
    (step,) = market.steps(code, NOW)
    assert (step.ex_date, step.factor) == (ex_date, 1 / shares_for_one)
    assert after.base == ticks.grid("XNAS", ex_date).nearest(float(before.close) / shares_for_one)
    assert (after.factor, after.ex) == (1 / shares_for_one, "00")
    # The adjusted series is continuous: no day moves by more than a few of the name's standard deviations.
    adjusted = [float(bar.close) * price_factor([step], bar.date) for bar in bars.values()]
    moves = [abs(one / other - 1) for one, other in pairwise(adjusted)]
    assert max(moves) < 0.15
    name = market.find(code)
    assert name is not None
    assert share_count(name, market.steps(code, NOW)) == round(name.shares * shares_for_one)


def test_a_split_is_unknown_before_its_ex_date_opens_in_new_york() -> None:
    market = us()
    opens = XNYS.session(date(2026, 6, 8)).open
    assert opens == datetime(2026, 6, 8, 13, 30, tzinfo=UTC)
    assert market.steps("HLVN", opens - timedelta(seconds=1)) == []
    assert len(market.steps("HLVN", opens)) == 1


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        (date(2026, 10, 30), (13, 30), (20, 0)),
        (date(2026, 11, 2), (14, 30), (21, 0)),  # winter time since Sunday
        (date(2026, 11, 27), (14, 30), (18, 0)),  # the half day after Thanksgiving
    ],
)
def test_a_session_shows_from_its_open_in_new_york_and_is_final_from_its_close_on(
    day: date, opens: tuple[int, int], closes: tuple[int, int]
) -> None:
    market = us()
    opened, closed = (datetime(day.year, day.month, day.day, *at, tzinfo=UTC) for at in (opens, closes))
    final = market.bars("AAPL", day, day, NOW + timedelta(days=30))[0]
    assert market.bars("AAPL", day, LATE, opened - timedelta(seconds=1)) == []
    assert market.bars("AAPL", day, LATE, closed) == [final]
    assert market.levels("SPX", day, LATE, opened - timedelta(seconds=1), 50) == []
    assert market.levels("SPX", day, LATE, opened, 50) != market.levels("SPX", day, LATE, closed, 50)
    length = closed - opened
    seen = [market.bars("AAPL", day, LATE, opened + length * share)[0] for share in (0.01, 0.3, 0.6, 0.99)]
    volumes = [bar.volume for bar in seen]
    assert 0 < volumes[0] < volumes[1] < volumes[2] < volumes[3] < final.volume
    for bar in seen:
        assert final.low <= bar.low <= bar.close <= bar.high <= final.high
        assert bar.low * bar.volume // 10_000 <= bar.amount <= bar.high * bar.volume / 10_000
        assert all(price % ticks.grid("XNAS", day).tick(int(price)) == 0 for price in bar[1:5])


def test_a_clock_of_any_timezone_sees_the_same_session() -> None:
    market = us()
    # 23:45 in Seoul is 09:45 in New York, of the same day; 00:15 there is 10:15 here, of the day before.
    for instant in (datetime(2026, 11, 19, 14, 45, tzinfo=UTC), datetime(2026, 11, 19, 15, 15, tzinfo=UTC)):
        expected = market.bars("AAPL", EARLY, LATE, instant, 2)
        assert expected[0].date == date(2026, 11, 19)
        for zone in ("Asia/Seoul", "America/New_York", "Pacific/Auckland"):
            assert market.bars("AAPL", EARLY, LATE, instant.astimezone(ZoneInfo(zone)), 2) == expected


def test_no_clock_sees_another_past() -> None:
    market = us(30)
    later = datetime(2027, 6, 1, tzinfo=UTC)
    for code in market.roster.followed:
        until = date(2026, 11, 20)
        assert market.bars(code, EARLY, until, NOW) == market.bars(code, EARLY, until, later)


def test_a_moved_clock_shows_a_listing_and_a_delisting() -> None:
    market = us()
    before = {name.code for name in market.names(NOW)}
    after = {name.code for name in market.names(datetime(2026, 12, 16, 12, tzinfo=UTC))}
    assert before - after == {"CDRX"}
    assert after - before == {"SGHV"}
    last = market.bars("CDRX", EARLY, LATE, datetime(2027, 1, 4, tzinfo=UTC))[0]
    assert last.date == date(2026, 12, 15)
    first = market.bars("SGHV", EARLY, LATE, datetime(2027, 1, 4, tzinfo=UTC))[-1]
    assert first.date == date(2026, 12, 9)


def test_index_levels_are_those_of_new_yorks_sessions_and_stay_in_order() -> None:
    market = us()
    rows = market.levels("SPX", date(2026, 1, 1), LATE, NOW, 100)
    assert [row.date for row in rows] == XNYS.window(100, date(2026, 11, 20))[::-1]
    assert all(row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high for row in rows)
    # Hundredths of a point of an index of some thousand points.
    assert all(100_000 < row.low < 2_000_000 for row in rows)
    assert market.levels("KOSPI", EARLY, LATE, NOW, 50) == []


@pytest.mark.parametrize("tickers", [1, 13, 500])
def test_the_lists_hold_the_followed_names_and_three_times_as_many_others(tickers: int) -> None:
    market = us(tickers)
    names = market.names(NOW)
    followed = [name.code for name in names if market.roster.follows(name.code)]
    assert followed == market.roster.followed
    assert (len(followed), len(names)) == (tickers, 4 * tickers)
    assert len({name.code for name in names}) == len(names)
    assert followed[0] == "AAPL"


def test_ten_thousand_names_have_ten_thousand_symbols() -> None:
    roster = us(10_000).roster
    assert (len(roster.followed), len(roster.unfollowed)) == (10_000, 30_000)
    assert len(set(roster.codes)) == len(roster.followed) + len(roster.unfollowed) + len(roster.others) == 40_400


def test_the_adapter_takes_every_followed_name_for_stock_and_others_for_what_they_are() -> None:
    market = us(2_000)
    names = market.names(NOW)
    kinds = Counter(kind(name) for name in names if not market.roster.follows(name.code))
    assert {kind(name) for name in names if market.roster.follows(name.code)} == {"common", "reit"}
    # Of twenty: nine funds and notes, five small stocks, two units, two warrants, two preferred series.
    assert kinds["common"] == 1_500
    assert (kinds["other"], kinds["warrant"], kinds["preferred"]) == (600, 600, 600)
    assert kinds["etf"] + kinds["etn"] + kinds["fund"] == 2_700
    assert all(kinds[one] > 0 for one in ("etf", "etn", "fund"))


def test_the_followed_names_stand_on_three_exchanges() -> None:
    market = us(2_000)
    venues = Counter(name.venue for code in market.roster.followed if (name := market.find(code)))
    shares = {venue: count / 2_000 for venue, count in venues.items()}
    assert shares == pytest.approx({"XNAS": 0.45, "XNYS": 0.45, "XASE": 0.10}, abs=0.03)


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 10, 30, 13, 30, tzinfo=UTC),
        NOW,
        datetime(2026, 12, 10, 16, 0, tzinfo=UTC),
    ],
    ids=lambda now: f"{now:%m-%d}",
)
def test_market_values_tell_the_followed_from_the_small_ones(now: datetime) -> None:
    market = us(1_000)
    stocks = [name for name in market.names(now) if kind(name) in ("common", "reit")]
    found = values(market, stocks, now)
    followed = [value for code, value in found.items() if market.roster.follows(code)]
    small = [value for code, value in found.items() if not market.roster.follows(code)]
    assert len(followed) >= 1_000
    assert len(small) == 750
    assert min(followed) > 1.5 * FLOOR, "too close to the floor of 150 million USD to be followed at every clock"
    assert max(small) < SMALL
