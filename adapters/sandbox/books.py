"""Books of names that are data: `books/REGION.toml` says which names a market lists and what happens to them.

A new region is a new file. Its `names` are written out, in the roster's order; what follows them is made up from brands and
trades under codes of the region's own shape. A template of codes is written as the code, `#` for a digit, `@` for a letter
and `[..]` for one of what stands between the brackets.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from adapters.sandbox.codes import Codes, Template
from adapters.sandbox.fates import FIRST, LISTED_BY, Fate, Halt, Issue, between, lifetime
from adapters.sandbox.market import Name
from adapters.sandbox.roster import Book

FOLDER = Path(__file__).with_name("books")
#: Made-up codes from here on are of names that are gone, and of names that come later: no roster follows as many.
_GONE, _COMING = 10_000, 10_200
_STOCK = "2"
#: Where a book is silent: a session's volume as part of the shares of a name outside the universe, its risk.
_TURNOVER, _SIGMA = 0.004, 0.01


@cache
def table(region: str) -> Mapping[str, Any]:
    """The book of a region as it is written."""
    with (FOLDER / f"{region}.toml").open("rb") as file:
        return tomllib.load(file)


def regions() -> list[str]:
    """The regions that have a book here, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def book(region: str) -> Book:
    """The book of a region, for `roster.Roster`."""
    drawer = _Drawer(table(region))
    return Book(
        fates=drawer.fates,
        followed_code=drawer.followed_code,
        unfollowed_code=drawer.others.at,
        gone_code=lambda index: drawer.codes.at(_GONE + index),
        coming_code=drawer.coming_code,
        drawn=drawer.drawn,
        unfollowed=drawer.unfollowed,
    )


class _Drawer:
    """Draws the fates of one region's names from its table."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._made_up: Mapping[str, Any] = source["made_up"]
        self._scale: int = source["scale"]
        self._currency: str = source.get("currency", "")
        self._minor: Mapping[str, int] = source.get("minor", {})
        self._opened: date = source["opened"]
        self._lot: int = source["files"]["lot"]
        written = {line["code"]: line for line in source["names"]}
        self.fates = {code: self._written(line) for code, line in written.items()}
        self._first = [code for code, line in written.items() if not line.get("coming")]
        self._coming = [code for code, line in written.items() if line.get("coming")]
        self._kinds = {line["template"]: line for line in (*self._made_up["codes"], *source["unfollowed"])}
        self.codes = _codes(self._made_up["codes"], [*written, *self._made_up.get("reserved", ())])
        self.others = _codes(source["unfollowed"], list(written))

    def followed_code(self, index: int) -> str:
        """The code of the index-th followed name: the written-out ones first."""
        return self._first[index] if index < len(self._first) else self.codes.at(index - len(self._first))

    def coming_code(self, index: int) -> str:
        """The code of the index-th name that is listed later: the written-out ones first."""
        return self._coming[index] if index < len(self._coming) else self.codes.at(_COMING + index)

    def drawn(self, code: str, kind: str, rng: Random) -> Fate:
        """A made-up company, mostly old, some with splits, bonuses, consolidations or halts, some thin, some a REIT."""
        made_up = self._made_up
        line = self._kinds[self.codes.template(code)]
        reit = rng.random() < made_up.get("reits", 0.0)
        listed, ended = lifetime(kind, False, rng)
        listed = max(listed, self._opened)
        price = _spread(rng, made_up["price"])
        shares = self._shares(_spread(rng, made_up["value"]), price, self._currency)
        thin = rng.uniform(0.02, 0.15) if rng.random() < made_up["thin"] else 0.0
        turnover = _spread(rng, (0.001, 0.015)) * (0.05 if thin else 1.0)
        paying = rng.random() < made_up["dividends"]
        dividends = ("quarter" if rng.random() < 0.5 else "year") if paying else ""
        issues = []
        for issue_kind in ("split", "bonus", "consolidation"):
            rule = made_up.get({"bonus": "bonuses"}.get(issue_kind, f"{issue_kind}s"), {"part": 0.0})
            if rng.random() < rule["part"]:
                ratio = rng.choice(rule["ratios"])
                issues.append(Issue(between(rng, listed, ended), ratio, "00", issue_kind))
                # What it costs before is such that it costs as much as others now.
                price, shares = price * ratio, max(int(shares / ratio), 1)
        halts = []
        if rng.random() < made_up["halts"]["part"]:
            halts.append(Halt(between(rng, listed, ended), rng.randrange(1, made_up["halts"]["sessions"] + 1)))
        trade = _pair(made_up["estate"]) if reit else _pair(rng.choice(made_up["trades"]))
        brand, number = _pair(rng.choice(made_up["brands"])), rng.randrange(100, 1000)
        lot = rng.choice(line.get("lots") or made_up.get("lots") or [self._lot])
        lot = made_up.get("estate_lot", lot) if reit else lot
        english, local = f"{brand[0]} {number} {trade[0]}", f"{brand[1]} {trade[1]} {number}"
        name = Name(
            *(code, local, line["venue"], _STOCK, listed, ended, shares, 0, lot, "", english, self._currency),
        )
        sigma = 0.009 if reit else rng.uniform(*made_up["sigma"])
        return Fate(name, price * self._scale, sigma, shares * turnover, thin, dividends, tuple(issues), tuple(halts))

    def unfollowed(self, code: str, rng: Random) -> Fate:
        """A made-up listing outside the universe: what it is stands in its code."""
        line, made_up = self._kinds[self.others.template(code)], self._made_up
        listed = max(FIRST, self._opened)
        listed = date.fromordinal(listed.toordinal() + int(rng.random() * (LISTED_BY - listed).days))
        price = _spread(rng, line["price"])
        currency = line.get("currency", self._currency)
        shares = self._shares(_spread(rng, line["value"]), price, currency)
        brand, trade, theme = (_pair(rng.choice(made_up[part])) for part in ("brands", "trades", "themes"))
        words = {"brand": brand[0], "trade": trade[0], "theme": theme[0], "local_brand": brand[1], "local_trade": trade[1]}
        english = line["english"].format_map(words)
        local = line["name"].format_map(words) if "name" in line else english
        name = Name(
            *(code, local, line["venue"], line.get("group", _STOCK), listed, None, shares, 0),
            *(rng.choice(line.get("lots") or [self._lot]), line.get("etyp", ""), english, currency),
        )
        return Fate(name, price * self._scale, line.get("sigma", _SIGMA), shares * _TURNOVER, line.get("thin", 0.02))

    def _written(self, line: Mapping[str, Any]) -> Fate:
        """A name that stands in the book: its price is that of the first session, before all its issues."""
        name = Name(
            code=line["code"],
            name=line.get("name", line["english"]),
            venue=line["venue"],
            group=line.get("group", _STOCK),
            listed=line["listed"],
            ended=line.get("ended"),
            shares=line["shares"],
            face=0,
            lot=line.get("lot", self._lot),
            etyp=line.get("etyp", ""),
            english=line["english"],
            currency=line.get("currency", self._currency),
        )
        issues = [Issue(issue["date"], issue["ratio"], "00", issue["kind"]) for issue in line.get("issues", ())]
        halts = [Halt(halt["date"], halt["sessions"]) for halt in line.get("halts", ())]
        return Fate(
            *(name, line["price"] * self._scale, line["sigma"], line["shares"] * line["turnover"], line.get("thin", 0.0)),
            *(line.get("dividends", "quarter"), tuple(issues), tuple(halts)),
        )

    def _shares(self, value: float, price: float, currency: str) -> int:
        """How many shares are worth `value` (pounds, say) at a price in the quoted currency (pence)."""
        return max(int(value * self._minor.get(currency, 1) / price), 1)


def _codes(lines: Sequence[Mapping[str, Any]], taken: Collection[str]) -> Codes:
    return Codes([(Template(line["template"]), line["parts"]) for line in lines], taken)


def _spread(rng: Random, ends: Sequence[float]) -> float:
    """A draw between two numbers, even in their logarithms."""
    return math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1])))


def _pair(words: Sequence[str]) -> tuple[str, str]:
    """English and local words; alike where a book has one of them."""
    return words[0], words[-1]
