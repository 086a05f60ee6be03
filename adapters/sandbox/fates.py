"""What can happen to a made-up listing: its lifetime, splits and halts, drawn or written out, in any region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from adapters.sandbox.market import Name

#: Names listed when the market is asked about: all followed ones are listed between these dates.
LISTED_BY, LISTED_UNTIL = date(2026, 10, 30), date(2026, 12, 10)
FIRST, LAST = date(2015, 1, 2), date(2027, 12, 30)


@dataclass(frozen=True)
class Halt:
    """Trading suspended on `sessions` sessions from `start` on."""

    start: date
    sessions: int


@dataclass(frozen=True)
class Issue:
    """A share-count event: a company's share becomes `ratio` shares on `ex_date`; `ex` is the flng_cls_code of that date.

    A `ratio` under 1 is a reverse split. `kind` and `reason` are those of `market.Step`. `price` is what a price is
    multiplied with where that is not 1 ÷ `ratio`: after rights, which are paid for. `anew` is by how much the base price of
    the date, set by an auction, differs from the announced one.
    """

    ex_date: date
    ratio: float
    ex: str
    kind: str = "split"
    price: float | None = None
    anew: float = 1.0
    reason: str = ""

    @property
    def factor(self) -> float:
        """What a price before the date is multiplied with, as announced."""
        return 1 / self.ratio if self.price is None else self.price

    @property
    def divisor(self) -> float:
        """What prices are divided by from the date on, the base's own setting included."""
        return self.ratio / self.anew if self.price is None else 1 / (self.price * self.anew)

    @property
    def volume(self) -> float:
        """What a session's volume is multiplied with: holders of rights have no more shares than before."""
        return 1.0 if self.kind == "rights" else self.ratio


@dataclass(frozen=True)
class Fate:
    """What the generator needs to draw a name: level, risk, `turnover` (shares a session) and events.

    `price` is the level at the first session in the market's numbers (currency × scale), before all `issues`;
    `dividends` is "", "year" or "quarter", `thin` the share of sessions without a trade.
    """

    name: Name
    price: float
    sigma: float
    turnover: float
    thin: float = 0.0
    dividends: str = ""
    issues: tuple[Issue, ...] = ()
    halts: tuple[Halt, ...] = ()


def lifetime(kind: str, young: bool, rng: Random) -> tuple[date, date | None]:
    """First day listed and first day no longer listed (None: to the end); `kind` is a roster's, `young` means 2024 on."""
    if kind == "coming":
        return LISTED_UNTIL + timedelta(days=rng.randrange(10, 340)), None
    floor = date(2024, 1, 8) if young else FIRST + timedelta(days=30)
    if kind == "gone":
        ended = date(2018, 1, 1) + timedelta(days=rng.randrange((LISTED_BY - date(2018, 1, 1)).days))
        return date(1990, 1, 3) + timedelta(days=rng.randrange(9000)), ended
    if young or rng.random() < 0.3:
        listed = floor + timedelta(days=rng.randrange((LISTED_BY - floor).days))
    else:
        listed = date(1975, 1, 6) + timedelta(days=rng.randrange(14_500))
    ending = rng.random() < 0.04
    return listed, LISTED_UNTIL + timedelta(days=rng.randrange(1, 380)) if ending else None


def between(rng: Random, listed: date, ended: date | None) -> date:
    """A day well inside the listing."""
    first = max(listed, FIRST) + timedelta(days=60)
    last = (ended or LAST) - timedelta(days=30)
    return first + timedelta(days=int(rng.random() * max((last - first).days, 1)))
