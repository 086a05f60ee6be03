"""The names of a generated KR market, and what happens to each of them.

The first fourteen are written out. Twelve show within the year up to November 2026 a listing, a halt, untraded days, a
split and a bonus issue, a listing and a delisting follow in December 2026; the thirteenth issues rights, and the
fourteenth cuts its capital, after which an auction sets its base price anew. Real codes carry real names; what happens to
them here is invented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from adapters.sandbox.fates import FIRST, LISTED_BY, Fate, Halt, Issue, between, lifetime
from adapters.sandbox.market import Name
from adapters.sandbox.roster import Book

_BRANDS = (
    "가온",
    "한빛",
    "새롬",
    "다온",
    "미르",
    "누리",
    "아라",
    "온새",
    "라온",
    "해솔",
    "도담",
    "예솔",
    "하람",
    "세움",
    "큰별",
)
_TRADES = (
    "전자",
    "화학",
    "바이오",
    "건설",
    "물산",
    "소재",
    "중공업",
    "식품",
    "제약",
    "로직스",
    "테크",
    "정밀",
    "에너지",
    "미디어",
)
_THEMES = ("반도체", "2차전지", "미국배당", "국고채", "코스닥150", "금선물", "중국전기차", "고배당")


@dataclass(frozen=True)
class _Script:
    """One written-out name."""

    name: str
    venue: str
    listed: date
    price: float
    shares: int
    turnover: float
    group: str = "ST"
    ended: date | None = None
    sigma: float = 0.02
    thin: float = 0.0
    dividends: str = ""
    issues: tuple[Issue, ...] = ()
    halts: tuple[Halt, ...] = field(default=())


#: The first six are in every market.
_SCRIPTS: dict[str, _Script] = {
    "005930": _Script(
        "삼성전자", "XKRX", date(1975, 6, 11), 1_330_000, 128_000_000, 250_000, sigma=0.016, dividends="quarter",
        issues=(Issue(date(2018, 5, 4), 50.0, "00"),), halts=(Halt(date(2018, 4, 30), 3),),
    ),
    "000660": _Script(
        "SK하이닉스", "XKRX", date(1996, 12, 26), 95_000, 728_002_365, 3_200_000,
        sigma=0.024, dividends="quarter",
    ),
    "105560": _Script(
        "KB금융", "XKRX", date(2008, 10, 10), 62_000, 393_528_423, 1_300_000,
        sigma=0.017, dividends="quarter",
    ),
    "055550": _Script(
        "신한지주", "XKRX", date(2001, 9, 10), 43_000, 509_000_000, 1_250_000,
        sigma=0.016, dividends="quarter",
    ),
    "086790": _Script(
        "하나금융지주", "XKRX", date(2005, 12, 12), 47_000, 287_000_000, 900_000,
        sigma=0.017, dividends="year",
    ),
    "316140": _Script(
        "우리금융지주", "XKRX", date(2019, 2, 13), 14_800, 742_000_000, 1_900_000,
        sigma=0.015, dividends="year",
    ),
    "0013V0": _Script("가온바이오로직스", "XKOS", date(2026, 3, 12), 24_500, 11_400_000, 410_000, sigma=0.032),
    "247540": _Script("에코프로비엠", "XKOS", date(2019, 3, 5), 110_000, 97_801_344, 620_000, sigma=0.03),
    "0101A0": _Script(
        "새롬정밀", "XKOS", date(2024, 2, 14), 168_000, 6_200_000, 52_000, sigma=0.026,
        issues=(Issue(date(2026, 4, 13), 5.0, "00"),), halts=(Halt(date(2026, 4, 8), 3),),
    ),
    "0202B0": _Script(
        "다온물산", "XKOS", date(2024, 5, 23), 7_300, 4_100_000, 900, sigma=0.018, thin=0.15, dividends="year",
        issues=(Issue(date(2026, 2, 10), 1.2, "01", "bonus"),),
    ),
    "0303C0": _Script(
        "한빛리츠", "XKRX", date(2024, 7, 8), 4_850, 63_300_000, 130_000, group="RT", sigma=0.009, dividends="quarter",
        halts=(Halt(date(2026, 6, 15), 8),),
    ),
    "0404D0": _Script(
        "미르미디어", "XKOS", date(2024, 9, 26), 2_640, 18_700_000, 240_000, ended=date(2026, 12, 15), sigma=0.034,
    ),
    # 0.3 new shares for one held, a quarter under the price: worth (1 + 0.3 × 0.75) ÷ 1.3 of it after the ex-date.
    "0505A0": _Script(
        "누리화학", "XKRX", date(2024, 3, 21), 18_300, 21_500_000, 160_000, sigma=0.021, dividends="year",
        issues=(Issue(date(2026, 5, 11), 1.3, "01", "rights", price=(1 + 0.3 * 0.75) / 1.3),),
    ),
    "0606B0": _Script(
        "큰별중공업", "XKOS", date(2024, 6, 4), 1_420, 83_000_000, 700_000, sigma=0.029,
        issues=(Issue(date(2026, 8, 10), 0.2, "00", "capital_cut", anew=0.72, reason="02"),),
        halts=(Halt(date(2026, 7, 20), 15),),
    ),
}  # fmt: skip
_FUTURE = _Script("해솔로보틱스", "XKOS", date(2026, 12, 8), 31_000, 9_800_000, 380_000, sigma=0.033)


def _followed_code(index: int) -> str:
    """The code of the index-th stock: the written-out ones first, then every eighth of the new alphanumeric kind."""
    if index < len(_SCRIPTS):
        return list(_SCRIPTS)[index]
    index -= len(_SCRIPTS)
    if index % 8 == 5:
        return f"{(index // 8 * 37 + 100) % 10000:04d}{'EFGH'[index // 8 % 4]}0"
    number = (index * 7919 + 12345) % 90000 + 10000
    code = f"{number:05d}0"
    return f"0{number % 10000:04d}0" if code in _SCRIPTS else code


def _unfollowed_code(index: int) -> str:
    """The code of the index-th listing outside the universe, its kind by its place among twenty."""
    place = index % 20
    if place < 11:
        return f"{index * 7 % 10000:04d}{'JKLMNPRSTUXY'[index // 10000 * 4 + index % 4]}0"
    if place < 16:
        return f"Q{500000 + index}"
    if place == 16:
        return f"J{index:06d}1D"
    if place == 17:
        return f"J{index:06d}1F"
    if place == 18:
        return f"F70{100000 + index}"
    return f"{index // 20:04d}W0"


def _gone_code(index: int) -> str:
    return f"{9000 + index:04d}Z0"


def _coming_code(index: int) -> str:
    return f"{8000 + index:04d}Z0"


def _scripted(code: str, script: _Script) -> Fate:
    name = Name(code, script.name, script.venue, script.group, script.listed, script.ended, script.shares, 500, lot=1)
    return Fate(name, script.price, script.sigma, script.turnover, script.thin, script.dividends, script.issues, script.halts)


def _drawn(code: str, kind: str, rng: Random) -> Fate:
    """A made-up stock or REIT: a third on KOSPI, most of them old, some with splits, bonuses or halts, some thin."""
    reit = rng.random() < 0.02
    venue = "XKRX" if reit or rng.random() < 0.34 else "XKOS"
    alphanumeric = not code[4].isdigit()
    listed, ended = lifetime(kind, alphanumeric, rng)
    price = math.exp(rng.uniform(math.log(2_500), math.log(160_000)))
    value = math.exp(rng.uniform(math.log(4e10), math.log(4e12)))
    shares = int(value / price)
    thin = rng.uniform(0.03, 0.25) if rng.random() < 0.08 else 0.0
    turnover = shares * math.exp(rng.uniform(math.log(0.0008), math.log(0.012))) * (0.05 if thin else 1.0)
    dividends = "" if rng.random() < 0.35 else "quarter" if rng.random() < 0.15 else "year"
    issues = []
    if rng.random() < 0.09:
        issues.append(Issue(between(rng, listed, ended), rng.choice((2.0, 5.0, 10.0)), "00"))
    if rng.random() < 0.16:
        issues.append(Issue(between(rng, listed, ended), rng.choice((1.1, 1.2, 1.5, 2.0)), "01", "bonus"))
    halts = [Halt(issue.ex_date - timedelta(days=5), 3) for issue in issues if issue.ex == "00"]
    if rng.random() < 0.30:
        halts.append(Halt(between(rng, listed, ended), rng.randrange(1, 15)))
    label = f"{rng.choice(_BRANDS)}{'리츠' if reit else rng.choice(_TRADES)}{int(rng.random() * 900 + 100)}"
    name = Name(code, label, venue, "RT" if reit else "ST", listed, ended, shares, 500, 1)
    sigma = 0.009 if reit else rng.uniform(0.014, 0.032)
    return Fate(name, price, sigma, turnover, thin, dividends, tuple(issues), tuple(halts))


def _unfollowed(code: str, rng: Random) -> Fate:
    """A made-up listing outside the universe."""
    listed = FIRST + timedelta(days=int(rng.random() * (LISTED_BY - FIRST).days))
    group, venue, label, face = "EF", "XKRX", f"{rng.choice(_BRANDS)} {rng.choice(_THEMES)} {rng.randrange(100)}", 0
    if code.startswith("Q"):
        group, label = "EN", label + " ETN"
    elif code.startswith("J"):
        group = "SW" if code.endswith("D") else "SR"
        label = f"{rng.choice(_BRANDS)}{rng.choice(_TRADES)} {rng.randrange(1, 40)}{'WR' if group == 'SW' else 'R'}"
    elif code.startswith("F"):
        group, label = "BC", f"{rng.choice(_BRANDS)}{rng.choice(_THEMES)}{rng.randrange(1, 9)}호(A)"
    elif code[4] == "W":
        group, venue, label, face = "ST", "XKON", f"{rng.choice(_BRANDS)}{rng.choice(_TRADES)}", 500
    price = math.exp(rng.uniform(math.log(3_000), math.log(60_000)))
    shares = rng.randrange(500_000, 40_000_000)
    name = Name(code, label, venue, group, listed, None, shares, face, 1)
    return Fate(name, price, rng.uniform(0.004, 0.02), shares * 0.004, 0.1 if venue == "XKON" else 0.0)


_FATES = {code: _scripted(code, script) for code, script in (*_SCRIPTS.items(), (_coming_code(0), _FUTURE))}
BOOK = Book(_FATES, _followed_code, _unfollowed_code, _gone_code, _coming_code, _drawn, _unfollowed)
