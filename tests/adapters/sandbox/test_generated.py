"""The generated market: the same for everybody, consistent, and never ahead of its clock."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sandbox import ticks
from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.market import Bar, price_factor
from pipeline.calendars import calendar

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EARLY, LATE = date(2015, 1, 1), date(2027, 12, 31)
ROOT = Path(__file__).resolve().parents[3]


def window(market: GeneratedMarket, code: str, sessions: int = 300) -> list[Bar]:
    first = calendar("XKRX").window(sessions, date(2026, 11, 20))[0]
    return market.bars(code, first, LATE, NOW)


def test_a_name_is_the_same_whatever_else_is_listed_and_whatever_was_asked_before() -> None:
    small, large = GeneratedMarket(region="KR", tickers=12), GeneratedMarket(region="KR", tickers=400)
    code = small.roster.followed[-1]
    middle = large.bars(code, date(2025, 6, 1), date(2025, 8, 15), NOW)
    whole = small.bars(code, EARLY, LATE, NOW)
    assert middle == [bar for bar in whole if date(2025, 6, 1) <= bar.date <= date(2025, 8, 15)]
    assert large.bars(code, EARLY, LATE, NOW) == whole


def test_another_process_draws_the_same_bars() -> None:
    program = (
        "import json; from datetime import *; from adapters.sandbox.generated import GeneratedMarket as G;"
        "print(json.dumps([[*map(str, bar)] for bar in G(region='KR', tickers=40).bars('000660', date(2016, 1, 1),"
        "date(2016, 12, 31), datetime(2026, 11, 20, 12, tzinfo=UTC))]))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    ours = GeneratedMarket(region="KR", tickers=12).bars("000660", date(2016, 1, 1), date(2016, 12, 31), NOW)
    assert json.loads(other.stdout) == [[*map(str, bar)] for bar in ours]


def test_another_seed_is_another_market() -> None:
    one, two = GeneratedMarket(region="KR", seed=1), GeneratedMarket(region="KR", seed=2)
    assert window(one, "000660") != window(two, "000660")


def test_every_bar_keeps_the_rules_of_the_exchange() -> None:
    market = GeneratedMarket(region="KR", tickers=60)
    sessions = set(calendar("XKRX").sessions(date(2015, 1, 2), date(2026, 11, 20)))
    for code in [*market.roster.followed, *market.roster.unfollowed[:20]]:
        name = market.find(code)
        assert name is not None
        bars = market.bars(code, EARLY, LATE, NOW)[::-1]
        assert {bar.date for bar in bars} <= sessions
        assert [bar.date for bar in bars] == sorted({day for day in sessions if day >= name.listed}), code
        for before, bar in zip([None, *bars], bars, strict=False):
            if before is not None and bar.factor == 1.0:
                assert bar.base == before.close, (code, bar)
            if not bar.open:
                assert (bar.open, bar.high, bar.low, bar.volume, bar.amount) == (0, 0, 0, 0, 0)
                assert before is not None
                assert bar.close == before.close
                continue
            grid = ticks.grid("XKOS" if name.venue == "XKON" else name.venue, bar.date)
            assert all(price % grid.tick(int(price)) == 0 for price in bar[1:5]), (code, bar)
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            floor, ceiling = grid.limits(int(bar.base))
            assert floor <= bar.low, (code, bar)
            assert bar.high <= ceiling, (code, bar)
            assert bar.volume > 0
            assert bar.low * bar.volume <= bar.amount <= bar.high * bar.volume


def test_twelve_names_show_a_listing_a_halt_untraded_days_a_split_and_a_bonus_issue() -> None:
    market = GeneratedMarket(region="KR")
    assert market.roster.followed[:6] == ["005930", "000660", "105560", "055550", "086790", "316140"]
    bars = {code: window(market, code) for code in market.roster.followed}
    lengths = {code: len(rows) for code, rows in bars.items()}
    steps = {code: [round(bar.factor, 4) for bar in rows if bar.factor != 1.0] for code, rows in bars.items()}
    idle = {code: [bar.date for bar in rows if not bar.open] for code, rows in bars.items()}
    assert lengths["0013V0"] == 172
    assert {code for code, length in lengths.items() if length != 300} == {"0013V0"}
    assert {code: step for code, step in steps.items() if step} == {"0101A0": [0.2], "0202B0": [0.8333]}
    halt = calendar("XKRX").sessions(date(2026, 6, 15), date(2026, 6, 30))[:8]
    assert sorted(idle["0303C0"]) == halt
    assert all(market.halted("0303C0", day) for day in halt)
    assert 20 <= len(idle["0202B0"]) <= 70
    assert not any(market.halted("0202B0", day) for day in idle["0202B0"])
    assert {market.find(code).venue for code in market.roster.followed} == {"XKRX", "XKOS"}  # type: ignore[union-attr]


def test_the_adjusted_series_is_continuous_over_a_split() -> None:
    market = GeneratedMarket(region="KR")
    bars = {bar.date: bar for bar in window(market, "0101A0")}
    (step,) = market.steps("0101A0", NOW)
    assert (step.ex_date, step.factor) == (date(2026, 4, 13), 0.2)
    before = bars[calendar("XKRX").previous_session(step.ex_date)]
    after = bars[step.ex_date]
    assert after.base == pytest.approx(before.close * price_factor([step], before.date), rel=0.01)
    assert price_factor([step], after.date) == 1.0


def test_a_split_is_unknown_before_its_ex_date_opens() -> None:
    market = GeneratedMarket(region="KR")
    assert market.steps("0101A0", datetime(2026, 4, 12, 23, 59, tzinfo=UTC)) == []
    assert len(market.steps("0101A0", datetime(2026, 4, 13, 0, 0, tzinfo=UTC))) == 1


def test_nothing_is_visible_before_the_open_and_the_final_bar_from_the_close_on() -> None:
    market = GeneratedMarket(region="KR")
    day = date(2026, 11, 20)
    final = market.bars("005930", day, day, NOW)[0]
    hours = calendar("XKRX").session(day)
    assert market.bars("005930", day, LATE, hours.open - timedelta(seconds=1)) == []
    assert market.bars("005930", day, LATE, hours.close) == [final]
    seen = [
        market.bars("005930", day, LATE, hours.open + timedelta(minutes=minutes))[0] for minutes in (1, 100, 200, 380)
    ]
    assert [bar.volume for bar in seen] == sorted(bar.volume for bar in seen)
    assert 0 < seen[0].volume < seen[-1].volume < final.volume
    for bar in seen:
        assert final.low <= bar.low <= bar.close <= bar.high <= final.high
        assert bar.low * bar.volume <= bar.amount <= bar.high * bar.volume
    assert market.levels("KOSPI", day, LATE, hours.open - timedelta(seconds=1), 50) == []
    assert market.levels("KOSPI", day, LATE, hours.open, 50) != market.levels("KOSPI", day, LATE, hours.close, 50)


def test_no_clock_sees_another_past() -> None:
    market = GeneratedMarket(region="KR")
    later = datetime(2027, 6, 1, tzinfo=UTC)
    for code in market.roster.followed:
        until = date(2026, 11, 20)
        assert market.bars(code, EARLY, until, NOW) == market.bars(code, EARLY, until, later)


def test_a_moved_clock_shows_a_listing_and_a_delisting() -> None:
    market = GeneratedMarket(region="KR")
    december = datetime(2026, 12, 16, 0, 0, tzinfo=UTC)
    before = {name.code for name in market.names(NOW)}
    after = {name.code for name in market.names(december)}
    assert before - after == {"0404D0"}
    assert after - before == {"8000Z0"}
    last = market.bars("0404D0", EARLY, LATE, december)[0]
    assert last.date == date(2026, 12, 14)
    assert market.find("0404D0").ended == date(2026, 12, 15)  # type: ignore[union-attr]


@pytest.mark.parametrize("tickers", [1, 12, 500])
def test_the_lists_hold_the_followed_names_and_three_times_as_many_others(tickers: int) -> None:
    market = GeneratedMarket(region="KR", tickers=tickers)
    names = market.names(NOW)
    followed = [name for name in names if name.group in ("ST", "RT") and name.venue in ("XKRX", "XKOS")]
    assert len(followed) == tickers
    assert len(names) == 4 * tickers
    assert len({name.code for name in names}) == len(names)
    assert followed[0].code == "005930"


def test_ten_thousand_names_have_ten_thousand_codes() -> None:
    roster = GeneratedMarket(region="KR", tickers=10_000).roster
    assert len(set(roster.codes)) == len(roster.followed) + len(roster.unfollowed) + len(roster.others) == 40_400


def test_index_levels_move_and_stay_in_order() -> None:
    market = GeneratedMarket(region="KR")
    rows = market.levels("KOSPI", date(2026, 1, 1), LATE, NOW, 50)
    assert [row.date for row in rows] == calendar("XKRX").window(50, date(2026, 11, 20))[::-1]
    assert all(row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high for row in rows)
    assert market.levels("NIKKEI", EARLY, LATE, NOW, 50) == []
