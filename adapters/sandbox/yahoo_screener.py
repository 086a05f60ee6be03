"""Yahoo's screener: what fits a query, sorted, 250 at most a page.

A query nests AND and OR over EQ, GT, GTE, LT, LTE and BTWN. Known fields: region and exchange (text), intradaymarketcap (of
the listing's major currency), intradayprice, percentchange and dayvolume; results may be sorted by these and by ticker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from adapters.sandbox.yahoo_chart import Refused
from adapters.sandbox.yahoo_hours import timetable
from adapters.sandbox.yahoo_quotes import quote
from adapters.sandbox.yahoo_symbols import Directory, Subject

MOST_ROWS = 250
_USUAL_ROWS = 25
#: Field of a query -> member of a quote object.
_NUMBERS = {
    "intradaymarketcap": "marketCap",
    "intradayprice": "regularMarketPrice",
    "percentchange": "regularMarketChangePercent",
    "dayvolume": "regularMarketVolume",
}
_COMPARED: dict[str, tuple[int, Callable[..., bool]]] = {
    "GT": (1, lambda value, than: value > than),
    "GTE": (1, lambda value, than: value >= than),
    "LT": (1, lambda value, than: value < than),
    "LTE": (1, lambda value, than: value <= than),
    "BTWN": (2, lambda value, least, most: least <= value <= most),
    "EQ": (1, lambda value, than: value == than),
}
#: Deeper queries are refused.
_DEEPEST = 20


class _Listed:
    """A symbol on the screener's list; its quote is worked out when it is first asked for."""

    def __init__(self, subject: Subject, now: datetime, kind: str) -> None:
        self.subject = subject
        self._now, self._kind = now, kind

    @cached_property
    def quoted(self) -> dict[str, Any] | None:
        """The quote object; None before the first session."""
        return quote(self.subject, self._now, self._kind)

    def number(self, member: str) -> Any:
        """A number of the quote; None where it has none."""
        return None if self.quoted is None else self.quoted.get(member)


class Screener:
    """The screener over all markets; a quote is worked out once a moment. Safe for many threads."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._moment = ""
        self._kept: list[_Listed] = []

    def page(self, body: Any, now: datetime, kind: str) -> tuple[dict[str, Any], int]:
        """The result object and how many quotes it has, bent as the fault `kind` says; `Refused` for a bad query."""
        if not isinstance(body, dict):
            raise _bad("the body must be a JSON object")
        size, offset = _count(body), body.get("offset") or 0
        if not isinstance(offset, int) or offset < 0:
            raise _bad(f"offset = {offset!r} must be a number of 0 or more")
        fits = _condition(body.get("query"), 0)
        of_type = body.get("quoteType", "EQUITY")
        asked = (listed for listed in self._all(now, kind) if listed.subject.kind == of_type)
        found = [listed for listed in asked if fits(listed) and listed.quoted is not None]
        found.sort(key=_order(body.get("sortField") or "ticker"), reverse=body.get("sortType", "DESC") != "ASC")
        if kind == "empty":
            found = []
        quotes = [listed.quoted for listed in found[offset : offset + size]]
        result = {"start": offset, "count": len(quotes), "total": len(found), "quotes": quotes, "useRecords": False}
        return result, len(quotes)

    def _all(self, now: datetime, kind: str) -> list[_Listed]:
        """Everything that is listed; the same objects as long as no session runs or ends."""
        bending = kind if kind in ("stale", "times_100") else ""
        with self._lock:
            subjects = self._directory.listed(now)
            moment = f"{bending} {_moment(subjects, now)}"
            if moment != self._moment:
                self._kept = [_Listed(subject, now, bending) for subject in subjects]
                self._moment = moment
            return self._kept


def region_of(body: Any) -> str:
    """The first region key a query asks for; "" where it asks for none."""
    if not isinstance(body, dict):
        return ""
    operands = body.get("operands", [body.get("query")])
    if not isinstance(operands, list):
        return ""
    if body.get("operator") == "EQ" and operands[:1] == ["region"]:
        return str(operands[-1])
    return next((region for part in operands if (region := region_of(part))), "")


def _moment(subjects: list[Subject], now: datetime) -> str:
    """What the quotes depend on: the local day and the newest session of each venue, and the minute while one is open."""
    told = [f"{now:%Y%m%d%H}"]
    for hours in {id(subject.calendar): timetable(subject.calendar) for subject in subjects}.values():
        session = hours.newest(now)
        running = hours.hours(session).open <= now.timestamp() < hours.hours(session).close
        told.append(f"{session}{now:%M%S}" if running else f"{session}")
    return " ".join(told)


def _count(body: Mapping[str, Any]) -> int:
    for name in ("size", "count"):
        value = body.get(name)
        if value is not None:
            if not isinstance(value, int) or not 0 <= value <= MOST_ROWS:
                raise _bad(f"{name} = {value!r} must be a number from 0 to {MOST_ROWS}")
            return value
    return _USUAL_ROWS


def _condition(query: Any, depth: int) -> Callable[[_Listed], bool]:
    """What a query says of one quote."""
    operator, operands = (query.get("operator"), query.get("operands")) if isinstance(query, dict) else (None, None)
    if not isinstance(operator, str) or not isinstance(operands, list) or depth > _DEEPEST:
        raise _bad(f"query = {query!r} must have an operator and operands")
    operator = operator.upper()
    if operator in ("AND", "OR"):
        parts = [_condition(part, depth + 1) for part in operands]
        whole = all if operator == "AND" else any
        return lambda listed: whole(part(listed) for part in parts)
    if operator not in _COMPARED:
        raise _bad(f"operator = {operator!r} is none of AND, OR, {', '.join(_COMPARED)}")
    count, compare = _COMPARED[operator]
    name, *values = operands or [None]
    if len(values) != count:
        raise _bad(f"{operator} takes a field and {count} value(s), not {operands!r}")
    if name == "region" and operator == "EQ":
        return lambda listed: listed.subject.exchange.region == values[0]
    if name == "exchange" and operator == "EQ":
        return lambda listed: listed.subject.exchange.code == values[0]
    if name not in _NUMBERS or not all(isinstance(value, (int, float)) for value in values):
        raise _bad(f"{operator} can't be asked of {operands!r}; numbers are {', '.join(_NUMBERS)}")
    member = _NUMBERS[name]
    return lambda listed: (number := listed.number(member)) is not None and compare(number, *values)


def _order(name: Any) -> Callable[[_Listed], Any]:
    """The key results are sorted by, names of one value by their symbols."""
    if name == "ticker":
        return lambda listed: listed.subject.symbol
    if name not in _NUMBERS:
        raise _bad(f"sortField = {name!r} is none of ticker, {', '.join(_NUMBERS)}")
    member = _NUMBERS[name]
    return lambda listed: (listed.number(member) or 0, listed.subject.symbol)


def _bad(text: str) -> Refused:
    return Refused(400, "Bad Request", f"Invalid input - {text}")
