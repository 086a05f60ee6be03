"""Generated markets of every region: what each shows, on its own venues, ticks, hours and currencies."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.kis.security_type import security_type
from adapters.sandbox import books, ticks
from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.market import Bar, Dividend, price_factor, share_ratio
from adapters.sandbox.regions import PROFILES
from pipeline.calendars import calendar
from pipeline.settings import get_config

#: Saturday 2026-11-21 in UTC: Friday's session is over everywhere.
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
EARLY, LATE = date(2015, 1, 1), date(2027, 12, 31)
YEAR = date(2025, 11, 21)
ROOT = Path(__file__).resolve().parents[3]
#: Regions whose names stand in a file of `books/`.
BOOKS = tuple(region for region in PROFILES if region not in ("KR", "US"))


@pytest.fixture(scope="module", params=BOOKS)
def market(request: pytest.FixtureRequest) -> GeneratedMarket:
    """A region's market of twelve names."""
    return GeneratedMarket(region=request.param, tickers=12)


def ours(market: GeneratedMarket, code: str) -> str:
    """Our ticker of a wire's symbol."""
    return code.replace("/", ".") if market.region == "US" else code


@pytest.mark.parametrize("region", PROFILES)
def test_a_market_is_the_one_its_regions_settings_describe(region: str) -> None:
    profile, config = PROFILES[region], get_config(region)
    market = GeneratedMarket(region=region, tickers=40)
    day = date(2026, 11, 20)
    assert set(profile.venues) == {venue.mic for venue in config.venues}
    assert set(profile.indices) == {index.code for index in config.indices}
    for venue in config.venues:
        sessions = calendar(venue.calendar).sessions(YEAR, day)
        assert market.calendar_of(venue.mic).sessions(YEAR, day) == sessions, venue.mic
    first = [ours(market, code) for code in market.roster.followed[:6]]
    assert set(first) & set(config.banks) == set(config.banks)
    assert len(set(first) & set(config.watchlist) - set(config.banks)) >= 2 or region in ("KR", "US")
    patterns = [re.compile(pattern) for pattern in config.ticker_patterns]
    codes = [ours(market, code) for code in (*market.roster.followed, *market.roster.others)]
    assert [code for code in codes if not any(pattern.fullmatch(code) for pattern in patterns)] == []
    names = [market.find(code) for code in market.roster.followed]
    assert {name.currency for name in names if name} <= {"", "GBp", "GBP"}
    assert {name.venue for name in names if name} <= set(profile.venues)


#: What twelve names show in the year to 2026-11-20: events, halts, the listing with its number of bars, a thin name.
SHOWN = {
    "CN": (
        {
            "601988": [("2026-07-17", "bonus", 1.15)],
            "300750": [("2026-05-20", "bonus", 1.8)],
            "002777": [("2026-06-09", "bonus", 1.4937)],
        },
        {"600519": 5},
        "688777",
        "002777",
    ),
    "HK": (
        {
            "00700": [("2026-06-08", "split", 5.0)],
            "00977": [("2026-04-20", "consolidation", 0.1), ("2026-09-14", "bonus", 1.0625)],
        },
        {"09988": 4},
        "06777",
        "00977",
    ),
    "JP": (
        {"7203": [("2026-03-30", "split", 3.0)], "3777": [("2026-09-29", "bonus", 1.1)]},
        {"6758": 3},
        "477A",
        "3777",
    ),
    "VN": (
        {
            "BID": [("2026-07-06", "bonus", 1.207)],
            "FPT": [("2026-06-15", "bonus", 1.15)],
            "HXB": [("2026-05-18", "split", 2.0)],
        },
        {"VHM": 4},
        "SXA",
        "HXB",
    ),
    "AU": (
        {"CSL": [("2026-04-20", "split", 3.0)], "QML": [("2026-06-22", "consolidation", 0.05)]},
        {"BHP": 2},
        "QKR",
        "QML",
    ),
    "UK": (
        {"AZN": [("2026-05-05", "split", 4.0)], "QBH": [("2026-06-22", "consolidation", 0.9)]},
        {"BP.": 2},
        "QASH",
        "QBH",
    ),
    "EU": (
        {
            "MC": [("2026-06-15", "split", 2.0)],
            "SAN:XMAD": [("2026-05-11", "bonus", 1.0213)],
            "QEST": [("2026-04-20", "consolidation", 0.1)],
        },
        {"ASML": 2},
        "QDRA",
        "QEST",
    ),
}


def test_twelve_names_show_everything_within_the_year(market: GeneratedMarket) -> None:
    events: dict[str, list[tuple[str, str, float]]] = {}
    halted: dict[str, int] = {}
    for code in market.roster.followed:
        steps = [step for step in market.steps(code, NOW) if step.ex_date >= YEAR]
        if steps:
            events[code] = [(str(step.ex_date), step.kind, step.ratio) for step in steps]
        days = [bar.date for bar in market.bars(code, YEAR, LATE, NOW) if not bar.open]
        if halt := [day for day in days if market.halted(code, day)]:
            halted[code] = len(halt)
    young = [code for code in market.roster.followed if (name := market.find(code)) and name.listed > YEAR]
    thin = [
        code
        for code in market.roster.followed
        if len([bar for bar in market.bars(code, YEAR, LATE, NOW) if not bar.open]) >= 15
    ]
    assert (events, halted, *young, *thin) == SHOWN[market.region]
    for code in market.roster.followed[:6]:
        dividends = [one for one in market.dividends(code, NOW) if one.ex_date >= YEAR]
        assert len(dividends) in (0, 1, 4), code
    assert any(len(market.dividends(code, NOW)) > 20 for code in market.roster.followed[:6])
    december = {name.code for name in market.names(datetime(2026, 12, 17, tzinfo=UTC))}
    now = {name.code for name in market.names(NOW)}
    assert (len(now - december), len(december - now)) == (1, 1)


def test_every_bar_keeps_the_rules_of_its_exchange(market: GeneratedMarket) -> None:
    profile = PROFILES[market.region]
    until = date(2026, 11, 20)
    for code in [*market.roster.followed, *market.roster.unfollowed[:10]]:
        name = market.find(code)
        assert name is not None
        venue = market.calendar_of(name.venue)
        bars = market.bars(code, date(2024, 6, 1), until, NOW)[::-1]
        assert [bar.date for bar in bars] == [day for day in venue.sessions(date(2024, 6, 1), until) if day >= name.listed]
        cash = {one.ex_date: one.amount for one in market.dividends(code, NOW)}
        factors = {step.ex_date: step.factor for step in market.steps(code, NOW)}
        limit = profile.limits.get(name.venue, 1.0)
        before: Bar | None = None
        for bar in bars:
            if not bar.open:
                last = bar.close if before is None else before.close
                assert bar[1:] == (0, 0, 0, last, 0, 0, last, 1.0, "00"), (code, bar)
                before = bar
                continue
            grid = ticks.grid(name.venue, bar.date)
            if before is not None:
                base = float(before.close) * factors.get(bar.date, 1.0)
                if profile.cash_in_base and bar.date in cash:
                    base -= float(cash[bar.date]) * market.scale
                assert abs(float(bar.base) - base) <= grid.tick(base), (code, bar)
            assert bar.factor == factors.get(bar.date, 1.0)
            assert all(price % grid.tick(int(price)) == 0 for price in bar[1:5]), (code, bar)
            assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high, (code, bar)
            floor, ceiling = grid.limits(int(bar.base), limit)
            assert floor <= bar.low <= bar.high <= ceiling or limit == 1.0, (code, bar)
            assert bar.volume > 0
            assert bar.low * bar.volume // market.scale <= bar.amount <= bar.high * bar.volume / market.scale, (code, bar)
            before = bar


def test_the_adjusted_series_is_continuous_over_every_event(market: GeneratedMarket) -> None:
    for code in market.roster.followed:
        steps = market.steps(code, NOW)
        bars = [bar for bar in market.bars(code, YEAR, LATE, NOW) if bar.open]
        adjusted = [float(bar.close) * price_factor(steps, bar.date) for bar in bars]
        moves = [abs(one / other - 1) for one, other in pairwise(adjusted)]
        assert max(moves) < 0.16, code
        assert share_ratio(steps, EARLY) == pytest.approx(1 / price_factor(steps, EARLY))


def test_ten_thousand_names_have_ten_thousand_codes(market: GeneratedMarket) -> None:
    roster = GeneratedMarket(region=market.region, tickers=10_000).roster
    assert len(set(roster.codes)) == len(roster.followed) + len(roster.unfollowed) + len(roster.others) == 40_400
    small = market.roster
    assert roster.followed[:12] == small.followed
    assert all(roster.fate(code) == small.fate(code) for code in small.unfollowed)


def test_another_process_draws_the_same_bars_and_another_seed_others() -> None:
    program = (
        "from datetime import *; from adapters.sandbox.generated import GeneratedMarket as G;"
        "until = datetime(2026, 11, 21, 1, tzinfo=UTC); span = date(2026, 1, 1), date(2026, 12, 31), until\n"
        "for region in ('CN', 'HK', 'JP', 'VN', 'AU', 'UK', 'EU'):\n"
        "    m = G(region=region, tickers=40)\n"
        "    codes = m.roster.followed[30], m.roster.unfollowed[7]\n"
        "    print([[*map(str, bar)] for code in codes for bar in m.bars(code, *span)])"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    expected: list[str] = []
    changed: list[str] = []
    for region in BOOKS:
        for seed, lines in ((1, expected), (2, changed)):
            market = GeneratedMarket(region=region, tickers=31, seed=seed)
            codes = (market.roster.followed[30], market.roster.unfollowed[7])
            bars = [bar for code in codes for bar in market.bars(code, date(2026, 1, 1), date(2026, 12, 31), NOW)]
            lines.append(str([[*map(str, bar)] for bar in bars]))
    assert other.stdout.splitlines() == expected
    assert not set(changed) & set(expected)


def test_names_of_one_region_follow_the_calendars_of_their_own_venues() -> None:
    market = GeneratedMarket(region="EU", tickers=14)
    # Christmas Eve: Paris and Amsterdam trade until two, Frankfurt and Milan don't.
    christmas = datetime(2026, 12, 24, 10, 0, tzinfo=UTC)
    newest = {code: market.bars(code, YEAR, LATE, christmas, 1)[0].date.day for code in ("BNP", "ASML", "DBK", "SAP", "ENEL")}
    assert newest == {"BNP": 24, "ASML": 24, "DBK": 23, "SAP": 23, "ENEL": 23}
    assert [market.calendar_of(venue).mic for venue in ("XPAR", "XETR", "XMAD", "XLIS")] == ["XPAR", "XETR", "XMAD", "XLIS"]
    assert market.calendar_of("XVTX").mic == "XPAR"


def test_a_half_day_in_hong_kong_is_final_at_noon() -> None:
    market = GeneratedMarket(region="HK", tickers=6)
    day = date(2026, 12, 24)
    final = market.bars("00700", day, day, NOW + timedelta(days=60))
    closes = market.calendar.session(day).close
    assert closes.hour <= 4  # noon in Hong Kong, before an ordinary close by hours
    assert market.bars("00700", day, day, closes) == final
    assert market.bars("00700", day, day, closes - timedelta(minutes=30))[0].volume < final[0].volume


@pytest.mark.parametrize(
    ("region", "currencies"),
    [
        ("HK", {"followed": {""}, "others": {"", "CNY", "USD"}}),
        ("CN", {"followed": {""}, "others": {"", "HKD", "USD"}}),
        ("UK", {"followed": {"GBp", "GBP"}, "others": {"GBp", "GBP", "USD"}}),
        ("EU", {"followed": {""}, "others": {""}}),
    ],
)
def test_second_lines_are_quoted_in_other_currencies(region: str, currencies: dict[str, set[str]]) -> None:
    market = GeneratedMarket(region=region, tickers=12)
    found = {
        "followed": {name.currency for code in market.roster.followed if (name := market.find(code))},
        "others": {name.currency for code in market.roster.unfollowed if (name := market.find(code))},
    }
    assert found == currencies


def test_a_dividend_is_known_from_its_ex_dates_open_on_and_costs_the_price_its_yield() -> None:
    market = GeneratedMarket(region="UK", tickers=6)
    opens = market.calendar.session(date(2026, 9, 29)).open
    before, after = (market.dividends("LLOY", opens - timedelta(seconds=second)) for second in (1, 0))
    assert list(before) == list(after)[:-1]
    assert after[-1] == Dividend(date(2026, 9, 29), Decimal("0.395"))
    (bar,) = market.bars("LLOY", date(2026, 9, 28), date(2026, 9, 28), NOW)
    assert float(after[-1].amount) == pytest.approx(float(bar.close) / market.scale * 0.004, rel=0.3)
    assert market.dividends("QASH", NOW) == market.dividends("NOBODY", NOW) == []


def test_a_rights_issue_leaves_volumes_and_a_capital_cut_has_a_base_of_its_own() -> None:
    market = GeneratedMarket(region="KR", tickers=14)
    assert market.roster.followed[12:] == ["0505A0", "0606B0"]
    (rights,) = market.steps("0505A0", NOW)
    assert (rights.ex_date, rights.kind, rights.ratio, rights.reason) == (date(2026, 5, 11), "rights", 1.3, "")
    assert rights.factor == pytest.approx(1.225 / 1.3)
    bar, before = market.bars("0505A0", date(2026, 5, 8), rights.ex_date, NOW)
    assert (bar.ex, bar.base) == ("01", ticks.grid("XKRX", bar.date).nearest(float(before.close) * rights.factor))

    (cut,) = market.steps("0606B0", NOW)
    assert cut == (date(2026, 8, 10), 5.0, "capital_cut", 0.2, "02")
    bar, *rest = market.bars("0606B0", date(2026, 7, 16), cut.ex_date, NOW)
    assert [bool(one.open) for one in rest] == [False] * 15 + [True]
    assert float(bar.base) / float(rest[0].close) == pytest.approx(5 * 0.72, rel=0.01)
    assert bar.factor == pytest.approx(5 * 0.72)
    floor, ceiling = ticks.grid("XKOS", bar.date).limits(int(bar.base))
    assert floor <= bar.low <= bar.high <= ceiling


@pytest.mark.parametrize("region", ["CN", "HK", "JP", "VN"])
def test_the_adapter_takes_every_followed_name_for_what_its_region_follows(region: str) -> None:
    market, config = GeneratedMarket(region=region, tickers=600), get_config(region)
    kinds = {
        code: security_type(name.venue, code, name.name, name.english, name.group, name.etyp, str(name.lot))
        for code in market.roster.followed
        if (name := market.find(code))
    }
    assert {code: kind for code, kind in kinds.items() if kind not in config.universe.security_types} == {}
    # Values wander to a fifth of what they begin with, over the years: none may fall out of the universe by that.
    floor = config.universe.min_value or 0
    worth = {
        code: float(market.reference(code, NOW)[0]) / market.scale * name.shares * share_ratio(steps, name.listed)
        for code in market.roster.followed
        if (name := market.find(code)) is not None and (steps := market.steps(code, NOW)) is not None
    }
    assert {code: value for code, value in worth.items() if value < 1.2 * floor} == {}


#: What a book may say; a key that stands nowhere here would be read by nobody.
KEYS = {
    "": "calendar scale weight currency minor cash_in_base opened limits venues indices files made_up unfollowed names",
    "files": "tickers words hours shares lot venues",
    "made_up": "price value sigma thin dividends splits bonuses consolidations halts reits estate_lot reserved lots brands"
    " trades estate themes codes",
    "codes": "template venue parts lots",
    "unfollowed": "template venue parts group etyp currency english name price value sigma thin lots",
    "names": "code name english venue listed ended price shares sigma turnover thin dividends lot group etyp currency coming"
    " issues halts",
    "issues": "date ratio kind",
}


@pytest.mark.parametrize("region", BOOKS)
def test_a_book_says_nothing_that_nobody_reads(region: str) -> None:
    source = books.table(region)
    sections = {
        "": [source],
        "files": [source["files"]],
        "made_up": [source["made_up"]],
        "codes": source["made_up"]["codes"],
        "unfollowed": source["unfollowed"],
        "names": source["names"],
        "issues": [issue for name in source["names"] for issue in name.get("issues", ())],
    }
    unread = {
        section: {key for part in parts for key in part} - set(KEYS[section].split()) for section, parts in sections.items()
    }
    assert {section: keys for section, keys in unread.items() if keys} == {}
    assert books.regions() == sorted(BOOKS)
