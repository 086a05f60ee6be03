"""The names of a generated US market, and what happens to each of them; codes are KIS's symbols (`BRK/B`).

The first thirteen are written out, so that a small market shows everything within the year up to November 2026: a listing,
a 4:1 split, a reverse split, a halt, untraded days, a class of stock, a REIT; a listing and a delisting follow in December
2026. Real symbols carry real names; what happens to them here is invented, old splits apart. Made-up symbols tell by
their third letter what they are, so that no two kinds share one: Q followed, J small, W funds, V units, warrants and
preferred series, K gone, H to come.
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from random import Random

from adapters.sandbox.fates import FIRST, LISTED_BY, Fate, Halt, Issue, between, lifetime
from adapters.sandbox.market import Name
from adapters.sandbox.roster import Book

#: Prices are whole ten-thousandths of a dollar.
SCALE = 10_000

#: Brands and trades of made-up companies, with their Korean names; no word of them tells another kind of security.
_BRANDS = (
    ("HALVERN", "할번"),
    ("LUMERIC", "루메릭"),
    ("BRIGHTGATE", "브라이트게이트"),
    ("CADREX", "캐드렉스"),
    ("MERIFORD", "메리포드"),
    ("NORTHVALE", "노스베일"),
    ("TESSERIN", "테세린"),
    ("OAKMERE", "오크미어"),
    ("PALADINE", "팔라딘"),
    ("QUILLON", "퀼론"),
    ("REDMOOR", "레드무어"),
    ("SILVERBY", "실버비"),
    ("VANTORA", "반토라"),
    ("WESTHOLM", "웨스트홀름"),
)
_TRADES = (
    ("SYSTEMS INC", "시스템즈"),
    ("ENERGY CORP", "에너지"),
    ("BIOSCIENCES INC", "바이오사이언시스"),
    ("BANCORP INC", "뱅코프"),
    ("HOLDINGS INC", "홀딩스"),
    ("SEMICONDUCTOR CORP", "세미컨덕터"),
    ("FOODS CO", "푸드"),
    ("LOGISTICS INC", "로지스틱스"),
    ("MEDICAL INC", "메디컬"),
    ("MINING CORP", "마이닝"),
    ("INSURANCE GROUP INC", "인슈어런스"),
    ("SOFTWARE INC", "소프트웨어"),
)
_ESTATE = ("REALTY TRUST INC", "리얼티")
_SPONSORS = ("ALDERGATE", "CORNICE", "FAIRWIND", "SEXTANT", "MERIDON")
_THEMES = ("S&P 500", "NASDAQ 100", "DIVIDEND", "TREASURY BOND", "SEMICONDUCTOR", "GOLD MINERS", "SMALL CAP", "KOREA")


def _stock(
    code: str,
    english: str,
    korean: str,
    venue: str,
    listed: date,
    price: float,
    shares: int,
    *,
    ended: date | None = None,
    sigma: float = 0.015,
    turnover: float = 0.004,
    thin: float = 0.0,
    dividends: str = "quarter",
    issues: tuple[Issue, ...] = (),
    halts: tuple[Halt, ...] = (),
) -> Fate:
    """A stock: `price` in USD and `shares` before all `issues`, `turnover` as the part of the shares that trades a session."""
    name = Name(code, korean, venue, "2", listed, ended, shares, 0, 1, "", english)
    return Fate(name, price * SCALE, sigma, shares * turnover, thin, dividends, issues, halts)


def _split(day: date, ratio: float) -> Issue:
    return Issue(day, ratio, "00", "consolidation" if ratio < 1 else "split")


#: The first six are in every market, the next seven show what can happen.
_SCRIPTS = (
    _stock(
        "AAPL", "APPLE INC", "애플", "XNAS", date(1980, 12, 12), 960.0, 3_710_000_000,
        issues=(_split(date(2020, 8, 31), 4.0),),
    ),
    _stock(
        "TSLA", "TESLA INC", "테슬라", "XNAS", date(2010, 6, 29), 6_300.0, 221_000_000, sigma=0.028, turnover=0.025,
        dividends="", issues=(_split(date(2020, 8, 31), 5.0), _split(date(2022, 8, 25), 3.0)),
    ),
    _stock("JPM", "JPMORGAN CHASE & CO.", "제이피모간 체이스", "XNYS", date(1969, 3, 5), 290.0, 2_720_000_000),
    _stock("BAC", "BANK OF AMERICA CORPORATION", "뱅크오브아메리카", "XNYS", date(1972, 9, 1), 48.0, 7_300_000_000),
    _stock("WFC", "WELLS FARGO & COMPANY", "웰스파고", "XNYS", date(1972, 6, 1), 82.0, 3_140_000_000),
    _stock("C", "CITIGROUP INC", "씨티그룹", "XNYS", date(1986, 10, 29), 95.0, 1_790_000_000),
    _stock(
        "HLVN", "HALVERN SYSTEMS INC", "할번 시스템즈", "XNAS", date(2019, 5, 16), 410.0, 62_000_000, sigma=0.022,
        issues=(_split(date(2026, 6, 8), 4.0),),
    ),
    _stock(
        "LUMR", "LUMERIC ROBOTICS INC", "루메릭 로보틱스", "XNAS", date(2026, 3, 12), 31.0, 88_000_000,
        sigma=0.032, dividends="",
    ),
    _stock(
        "BRTG", "BRIGHTGATE ENERGY CORP", "브라이트게이트 에너지", "XASE", date(2017, 10, 4), 0.92, 2_400_000_000,
        sigma=0.028, dividends="", issues=(_split(date(2026, 3, 16), 0.1),),
    ),
    _stock(
        "BRK/B", "BERKSHIRE HATHAWAY INC", "버크셔 해서웨이 B", "XNYS", date(1996, 5, 9), 480.0, 1_340_000_000,
        dividends="",
    ),
    _stock("O", "REALTY INCOME CORP", "리얼티 인컴", "XNYS", date(1994, 10, 18), 58.0, 915_000_000, sigma=0.01),
    _stock(
        "CDRX", "CADREX MEDICAL INC", "캐드렉스 메디컬", "XNYS", date(2021, 9, 24), 17.5, 96_000_000, sigma=0.026,
        dividends="", ended=date(2026, 12, 16), halts=(Halt(date(2026, 7, 13), 6),),
    ),
    _stock(
        "MRFD", "MERIFORD BANCORP INC", "메리포드 뱅코프", "XASE", date(2020, 2, 11), 212.0, 5_600_000, sigma=0.012,
        turnover=0.0002, thin=0.12,
    ),
    _stock("MSFT", "MICROSOFT CORP", "마이크로소프트", "XNAS", date(1986, 3, 13), 490.0, 7_430_000_000),
    _stock(
        "NVDA", "NVIDIA CORP", "엔비디아", "XNAS", date(1999, 1, 22), 7_000.0, 608_000_000, sigma=0.024, turnover=0.008,
        issues=(_split(date(2021, 7, 20), 4.0), _split(date(2024, 6, 10), 10.0)),
    ),
    _stock(
        "AMZN", "AMAZON.COM INC", "아마존닷컴", "XNAS", date(1997, 5, 15), 4_300.0, 533_000_000, dividends="",
        issues=(_split(date(2022, 6, 6), 20.0),),
    ),
    _stock(
        "GOOGL", "ALPHABET INC CL A", "알파벳 A", "XNAS", date(2004, 8, 19), 4_800.0, 291_000_000,
        issues=(_split(date(2022, 7, 18), 20.0),),
    ),
    _stock("META", "META PLATFORMS INC CL A", "메타 플랫폼스 A", "XNAS", date(2012, 5, 18), 690.0, 2_170_000_000, sigma=0.019),
    _stock(
        "AVGO", "BROADCOM INC", "브로드컴", "XNAS", date(2009, 8, 6), 3_300.0, 472_000_000, sigma=0.02,
        issues=(_split(date(2024, 7, 15), 10.0),),
    ),
)  # fmt: skip
_FIRST_CODES = [fate.name.code for fate in _SCRIPTS]


def _word(index: int, third: str) -> str:
    """The index-th made-up symbol of four letters with this third one; all differ for 17,576 in a row."""
    number = (index * 7919 + 12345) % 26**3
    first, second, last = number // 676, number // 26 % 26, number % 26
    return f"{chr(65 + first)}{chr(65 + second)}{third}{chr(65 + last)}"


def _followed_code(index: int) -> str:
    """The symbol of the index-th followed name: the written-out ones first."""
    return _FIRST_CODES[index] if index < len(_FIRST_CODES) else _word(index - len(_FIRST_CODES), "Q")


def _unfollowed_code(index: int) -> str:
    """The symbol of the index-th listing outside the universe, its kind by its place among twenty; all differ to 30,000."""
    row, place = divmod(index, 20)
    if place < 9:
        return _word(row * 9 + place, "W")
    if place < 14:
        return _word(row * 5 + place - 9, "J")
    ends = ("/UN", "U", "W", "/WS", "P", f"/{'ABCDEF'[row % 6]}")
    return _word(row * 6 + place - 14, "V") + ends[place - 14]


def _gone_code(index: int) -> str:
    return _word(index, "K")


def _coming_code(index: int) -> str:
    return _word(index, "H")


def _drawn(code: str, kind: str, rng: Random) -> Fate:
    """A made-up company worth 1 to 200 billion USD, mostly old, some with splits or halts, some thin, some a REIT.

    Values wander to a fifth and to the fivefold over the years, so all of them stay well above the region's floor.
    """
    reit = rng.random() < 0.05
    venue = _venue(rng)
    listed, ended = lifetime(kind, False, rng)
    price = math.exp(rng.uniform(math.log(6.0), math.log(420.0)))
    shares = int(math.exp(rng.uniform(math.log(1e9), math.log(2e11))) / price)
    thin = rng.uniform(0.02, 0.15) if venue == "XASE" and rng.random() < 0.2 else 0.0
    turnover = math.exp(rng.uniform(math.log(0.001), math.log(0.02))) * (0.05 if thin else 1.0)
    dividends = "quarter" if reit or rng.random() < 0.5 else ""
    issues: list[Issue] = []
    if price > 60.0 and rng.random() < 0.25:
        issues.append(_split(between(rng, listed, ended), rng.choice((1.5, 2.0, 3.0, 4.0, 10.0))))
    if price < 12.0 and rng.random() < 0.2:
        # Before its reverse split it trades around or below a dollar.
        ratio = rng.choice((0.2, 0.1, 0.05))
        issues.append(_split(between(rng, listed, ended), ratio))
        price, shares = price * ratio, int(shares / ratio)
    halts = []
    if rng.random() < 0.08:
        halts.append(Halt(between(rng, listed, ended), rng.randrange(1, 6)))
    english, korean = _company(rng, _ESTATE if reit else None)
    return _stock(
        *(code, english, korean, venue, listed, price, shares),
        ended=ended,
        sigma=0.01 if reit else rng.uniform(0.012, 0.026),
        turnover=turnover,
        thin=thin,
        dividends=dividends,
        issues=tuple(issues),
        halts=tuple(halts),
    )


def _unfollowed(code: str, rng: Random) -> Fate:
    """A made-up listing outside the universe: what it is stands in its symbol."""
    listed = FIRST + timedelta(days=int(rng.random() * (LISTED_BY - FIRST).days))
    english, korean = _company(rng, None)
    group, etyp, venue, price = "2", "", "XNYS", rng.uniform(9.0, 27.0)
    value, sigma, thin = rng.uniform(2e7, 9e8), 0.004, 0.1
    series = code.partition("/")[2]
    kind = series or (code[4:] if len(code) == 5 else code[2])
    if kind == "W" and len(code) == 4:
        fund = rng.random()
        group, etyp = "3", "001" if fund < 0.85 else "002" if fund < 0.9 else "004"
        venue = "XASE" if rng.random() < 0.7 else "XNAS"
        label = f"{rng.choice(_SPONSORS)} {rng.choice(_THEMES)} {rng.randrange(100)}"
        korean = label
        english = f"{label} {'ETF' if etyp == '001' else 'ETN' if etyp == '002' else 'INCOME FD'}"
        price, value, sigma, thin = math.exp(rng.uniform(2.5, 5.5)), rng.uniform(2e7, 9e9), 0.009, 0.02
    elif kind == "J":
        # Worth 2 to 14 million USD, some of them less than a dollar a share: below 100 million for years.
        venue, sigma, thin = _venue(rng), rng.uniform(0.015, 0.025), rng.uniform(0.0, 0.2)
        price, value = math.exp(rng.uniform(-0.7, 2.5)), math.exp(rng.uniform(math.log(2e6), math.log(1.4e7)))
    elif kind in ("U", "UN"):
        venue = "XNAS" if kind == "U" else "XNYS"
        english, korean = f"{_acquirer(english)} UNIT 1 COM & 1/2 WT", f"{_acquirer(korean)} 유닛"
        price, value = rng.uniform(9.9, 11.2), rng.uniform(5e7, 4e8)
    elif kind in ("W", "WS"):
        group, venue = "4", "XNAS" if kind == "W" else "XNYS"
        english, korean = f"{_acquirer(english)} C/WTS (TO PUR COM)", f"{_acquirer(korean)} 콜 워런트"
        price, value, sigma = rng.uniform(0.2, 3.0), rng.uniform(1e6, 4e7), 0.02
    else:
        letter, rate = series or "A", f"{rng.randrange(18, 34) / 4:.2f}%"
        venue = "XNYS" if series else "XNAS"
        english, korean = f"{english} {rate} PFD SER {letter}", f"{korean} 우선주 {letter}({rate})"
    shares = int(value / price)
    name = Name(code, korean, venue, group, listed, None, shares, 0, 1, etyp, english)
    return Fate(name, price * SCALE, sigma, shares * 0.004, thin)


def _acquirer(company: str) -> str:
    """The name of a company with its trade left out: what is listed before it has one."""
    words = company.split()
    return f"{words[0]} {'ACQUISITION CORP' if words[0].isascii() else '애퀴지션'} {words[-1]}"


def _company(rng: Random, trade: tuple[str, str] | None) -> tuple[str, str]:
    """English and Korean name of a made-up company."""
    brand, (business, korean) = rng.choice(_BRANDS), rng.choice(_TRADES)
    if trade is not None:
        business, korean = trade
    number = rng.randrange(100, 1000)
    return f"{brand[0]} {number} {business}", f"{brand[1]} {korean} {number}"


def _venue(rng: Random) -> str:
    """The exchange of a made-up stock: 45% Nasdaq, 45% New York, 10% American."""
    share = rng.random()
    return "XNAS" if share < 0.45 else "XNYS" if share < 0.9 else "XASE"


_FUTURE = _stock(
    *(_coming_code(0), "TESSERIN QUANTUM INC", "테세린 퀀텀", "XNAS", date(2026, 12, 9), 24.0, 120_000_000),
    sigma=0.033,
    dividends="",
)
_FATES = {fate.name.code: fate for fate in (*_SCRIPTS, _FUTURE)}
BOOK = Book(_FATES, _followed_code, _unfollowed_code, _gone_code, _coming_code, _drawn, _unfollowed)
