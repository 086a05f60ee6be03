"""Which names a generated KR market lists, and what happens to each of them.

A name and its fate come from the seed and its code alone, never from the clock or from how many names are listed. The
first twelve are written out, so that a small market shows everything within the year up to November 2026: a listing,
a halt, untraded days, a split and a bonus issue; a listing and a delisting follow in December 2026. Real codes carry
real names; what happens to them here is invented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from adapters.sandbox.market import Name

#: Names listed when the market is asked about: all followed ones are listed between these dates.
LISTED_BY, LISTED_UNTIL = date(2026, 10, 30), date(2026, 12, 10)
FIRST, LAST = date(2015, 1, 2), date(2027, 12, 30)
#: Unfollowed listings (ETF, ETN, warrants, rights, certificates, KONEX) per followed one in the master files.
UNFOLLOWED = 3

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
class Halt:
    """Trading suspended on `sessions` sessions from `start` on."""

    start: date
    sessions: int


@dataclass(frozen=True)
class Issue:
    """A share-count event: every share becomes `ratio` shares on `ex_date`; `ex` is the flng_cls_code of that date."""

    ex_date: date
    ratio: float
    ex: str


@dataclass(frozen=True)
class Fate:
    """What the generator needs to draw a name: level (KRW), risk, `turnover` (shares a session) and events."""

    name: Name
    price: float
    sigma: float
    turnover: float
    thin: float = 0.0
    dividends: str = ""
    issues: tuple[Issue, ...] = ()
    halts: tuple[Halt, ...] = ()


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


_SCRIPTS: dict[str, _Script] = {
    "005930": _Script(
        "삼성전자", "XKRX", date(1975, 6, 11), 1_330_000, 128_000_000, 250_000, sigma=0.016, dividends="quarter",
        issues=(Issue(date(2018, 5, 4), 50.0, "00"),), halts=(Halt(date(2018, 4, 30), 3),),
    ),
    "000660": _Script(
        "SK하이닉스", "XKRX", date(1996, 12, 26), 95_000, 728_002_365, 3_200_000,
        sigma=0.024, dividends="quarter",
    ),
    "0013V0": _Script("가온바이오로직스", "XKOS", date(2026, 3, 12), 24_500, 11_400_000, 410_000, sigma=0.032),
    "247540": _Script("에코프로비엠", "XKOS", date(2019, 3, 5), 110_000, 97_801_344, 620_000, sigma=0.03),
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
    "0101A0": _Script(
        "새롬정밀", "XKOS", date(2024, 2, 14), 168_000, 6_200_000, 52_000, sigma=0.026,
        issues=(Issue(date(2026, 4, 13), 5.0, "00"),), halts=(Halt(date(2026, 4, 8), 3),),
    ),
    "0202B0": _Script(
        "다온물산", "XKOS", date(2024, 5, 23), 7_300, 4_100_000, 900, sigma=0.018, thin=0.15, dividends="year",
        issues=(Issue(date(2026, 2, 10), 1.2, "01"),),
    ),
    "0303C0": _Script(
        "한빛리츠", "XKRX", date(2024, 7, 8), 4_850, 63_300_000, 130_000, group="RT", sigma=0.009, dividends="quarter",
        halts=(Halt(date(2026, 6, 15), 8),),
    ),
    "0404D0": _Script(
        "미르미디어", "XKOS", date(2024, 9, 26), 2_640, 18_700_000, 240_000, ended=date(2026, 12, 15), sigma=0.034,
    ),
}  # fmt: skip
_FUTURE = _Script("해솔로보틱스", "XKOS", date(2026, 12, 8), 31_000, 9_800_000, 380_000, sigma=0.033)


class Roster:
    """The names of one market: `tickers` followed ones (stocks and REITs of KOSPI and KOSDAQ) and what surrounds them.

    `followed` are all listed from 2026-10-30 to 2026-12-10; beside them stand `unfollowed` (three times as many), a few
    names delisted before and a few listed later, in `others`.
    """

    def __init__(self, seed: int, tickers: int) -> None:
        self._seed = seed
        extra = max(1, tickers // 50)
        self.followed = [_followed_code(index) for index in range(tickers)]
        self.unfollowed = [_unfollowed_code(index) for index in range(tickers * UNFOLLOWED)]
        self.others = [_gone_code(index) for index in range(extra)] + [_coming_code(index) for index in range(extra)]
        self._kinds = dict.fromkeys(self.followed, "followed")
        self._kinds.update(dict.fromkeys(self.unfollowed, "unfollowed"))
        self._kinds.update((code, "gone" if index < extra else "coming") for index, code in enumerate(self.others))

    @property
    def codes(self) -> list[str]:
        """Every code there ever is."""
        return list(self._kinds)

    def follows(self, code: str) -> bool:
        """Whether `code` is a stock or REIT of KOSPI or KOSDAQ, listed now or not."""
        return self._kinds.get(code, "unfollowed") != "unfollowed"

    def fate(self, code: str) -> Fate | None:
        """What happens to `code`; None for a code that does not exist here."""
        kind = self._kinds.get(code)
        if kind is None:
            return None
        rng = Random(f"{self._seed}:{code}:fate")
        script = _SCRIPTS.get(code) or (_FUTURE if code == _coming_code(0) else None)
        if script is not None:
            return _scripted(code, script)
        return _unfollowed(code, rng) if kind == "unfollowed" else _drawn(code, kind, rng)


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
    return Fate(
        name, script.price, script.sigma, script.turnover, script.thin, script.dividends, script.issues, script.halts
    )


def _drawn(code: str, kind: str, rng: Random) -> Fate:
    """A made-up stock or REIT: a third on KOSPI, most of them old, some with splits, bonuses or halts, some thin."""
    reit = rng.random() < 0.02
    venue = "XKRX" if reit or rng.random() < 0.34 else "XKOS"
    alphanumeric = not code[4].isdigit()
    listed, ended = _lifetime(kind, alphanumeric, rng)
    price = math.exp(rng.uniform(math.log(2_500), math.log(160_000)))
    value = math.exp(rng.uniform(math.log(4e10), math.log(4e12)))
    shares = int(value / price)
    thin = rng.uniform(0.03, 0.25) if rng.random() < 0.08 else 0.0
    turnover = shares * math.exp(rng.uniform(math.log(0.0008), math.log(0.012))) * (0.05 if thin else 1.0)
    dividends = "" if rng.random() < 0.35 else "quarter" if rng.random() < 0.15 else "year"
    issues = []
    if rng.random() < 0.09:
        issues.append(Issue(_between(rng, listed, ended), rng.choice((2.0, 5.0, 10.0)), "00"))
    if rng.random() < 0.16:
        issues.append(Issue(_between(rng, listed, ended), rng.choice((1.1, 1.2, 1.5, 2.0)), "01"))
    halts = [Halt(issue.ex_date - timedelta(days=5), 3) for issue in issues if issue.ex == "00"]
    if rng.random() < 0.30:
        halts.append(Halt(_between(rng, listed, ended), rng.randrange(1, 15)))
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


def _lifetime(kind: str, alphanumeric: bool, rng: Random) -> tuple[date, date | None]:
    """First day listed and first day no longer listed (None: to the end)."""
    if kind == "coming":
        return LISTED_UNTIL + timedelta(days=rng.randrange(10, 340)), None
    floor = date(2024, 1, 8) if alphanumeric else FIRST + timedelta(days=30)
    if kind == "gone":
        ended = date(2018, 1, 1) + timedelta(days=rng.randrange((LISTED_BY - date(2018, 1, 1)).days))
        return date(1990, 1, 3) + timedelta(days=rng.randrange(9000)), ended
    if alphanumeric or rng.random() < 0.3:
        listed = floor + timedelta(days=rng.randrange((LISTED_BY - floor).days))
    else:
        listed = date(1975, 1, 6) + timedelta(days=rng.randrange(14_500))
    ending = rng.random() < 0.04
    return listed, LISTED_UNTIL + timedelta(days=rng.randrange(1, 380)) if ending else None


def _between(rng: Random, listed: date, ended: date | None) -> date:
    """A day well inside the listing."""
    first = max(listed, FIRST) + timedelta(days=60)
    last = (ended or LAST) - timedelta(days=30)
    return first + timedelta(days=int(rng.random() * max((last - first).days, 1)))
