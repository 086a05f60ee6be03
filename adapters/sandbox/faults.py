"""What goes wrong on demand, at one provider: KIS unless a fault names another (`provider`).

KIS
    rate_limit     HTTP 500, EGW00201
    http_500       HTTP 500, EGW00002
    http_403       HTTP 403, EGW00003
    silence        accepted, never answered (for `delay` seconds, 60 unless told)
    cut            half of the body, then the connection closes
    bad_json       HTTP 200 with a body that is no JSON
    empty          HTTP 200 with an envelope that says success and has no rows
    empty_body     HTTP 200 with no body at all
    token_expired  the caller's token is 24 h old from now on: EGW00123 until it has a new one
    dead           every connection closed unanswered, token and master file requests too
    wrong_ticker   another ticker's data
    stale          the newest session is missing
    times_100      prices a hundred times too high
    repeat         the newest session carries the values of the one before it

Yahoo has no `token_expired`; its `rate_limit` is HTTP 429 with text, its `empty` has no timestamps, no quotes. Also
    slow           the answer comes `delay` seconds late
    crumb_expired  the caller's cookie and crumb are worth nothing from now on: 401
    delisted       HTTP 404, "No data found, symbol may be delisted"
    nulls          the newest session has a volume and no prices

A fault lets `after` matching requests pass, then fires `count` times or for `seconds` seconds (from when it was set,
or from its first firing where `after` is given); neither means once. It matches data calls, all or those of one `tr`
or about one `code` (FID_INPUT_ISCD, SYMB or PDNO; of a condition search its EXCD); with `after` also one page alone.
`tr` may also be a request without a TR id: `hashkey`, `tokenP`, `revokeP`, `Approval` or `master`. These show no token,
code or market data, so the kinds that bend those (and a `code`) are refused for them. Yahoo's `tr` is chart (`code` its
symbol), screener (the first region key it asks for), quote (its symbols as they stand), quoteSummary or timeseries; its
other requests are cookie, crumb and consent. `dead` matches everything of its provider.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import UsageError

KINDS = (
    "rate_limit", "http_500", "http_403", "silence", "cut", "bad_json", "empty", "empty_body", "token_expired", "dead",
    "wrong_ticker", "stale", "times_100", "repeat",
)  # fmt: skip
#: KIS's kinds that only the answer to a call with a TR id can have.
_OF_CALLS = ("empty", "token_expired", "wrong_ticker", "stale", "times_100", "repeat")
_FIELDS = ("kind", "count", "seconds", "after", "tr", "code", "delay")


@dataclass
class Fault:
    """One fault; `delay` is how long a silence lasts, in seconds."""

    kind: str
    count: int | None = None
    seconds: float | None = None
    after: int = 0
    tr: str | None = None
    code: str | None = None
    delay: float = 60.0
    fired: int = 0
    passed: int = 0
    ends: float | None = None

    def matches(self, tr: str, data: bool, code: str) -> bool:
        """Whether this fault is meant for a request of this kind about this code."""
        if self.code is not None and self.code != code:
            return False
        if self.tr is not None:
            return self.tr == tr
        return data or self.kind == "dead"

    def over(self, now: float) -> bool:
        """Whether it will never fire again."""
        if self.ends is not None:
            return now >= self.ends
        return self.count is not None and self.fired >= self.count


class Faults:
    """The faults that are set; the first that matches a request wins.

    A fault's `tr` is one of the TR ids `calls` or of the names `others` of requests that have none, its kind one of
    `kinds`; `only` says which kinds happen to which calls alone. Without them the kinds are KIS's.
    """

    def __init__(
        self,
        calls: Sequence[str],
        others: Sequence[str],
        *,
        kinds: Sequence[str] = KINDS,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._calls = tuple(calls)
        self._others = tuple(others)
        self._kinds = tuple(kinds)
        self._only = dict.fromkeys(_OF_CALLS, self._calls) if only is None else only
        self._those = "calls with a TR id" if only is None else "calls that show it"
        self._lock = threading.Lock()
        self._set: list[Fault] = []

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault from its JSON; `UsageError` says what is wrong with it."""
        unknown = [name for name in wanted if name not in _FIELDS]
        if unknown:
            raise UsageError(f"fault: unknown name {unknown[0]!r}; there are {', '.join(_FIELDS)}")
        if wanted.get("kind") not in self._kinds:
            raise UsageError(f"fault: unknown kind {wanted.get('kind')!r}; there are {', '.join(self._kinds)}")
        for name in ("count", "seconds", "after", "delay"):
            value = wanted.get(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
                raise UsageError(f"fault: {name} = {value!r} must be a number of 0 or more")
        for name in ("tr", "code"):
            if not isinstance(wanted.get(name), (str, type(None))):
                raise UsageError(f"fault: {name} = {wanted[name]!r} must be text")
        self._check_target(wanted)
        fault = Fault(**{name: value for name, value in wanted.items() if value is not None})
        if fault.count is None and fault.seconds is None:
            fault.count = 1
        if fault.seconds is not None and not fault.after:
            fault.ends = time.monotonic() + fault.seconds
        with self._lock:
            self._set.append(fault)
        return fault

    def _check_target(self, wanted: Mapping[str, Any]) -> None:
        """A fault that no request could ever meet is a mistake: `UsageError`."""
        tr, kind, code = wanted.get("tr"), wanted["kind"], wanted.get("code")
        if tr is not None and tr not in (*self._calls, *self._others):
            raise UsageError(f"fault: no request has tr {tr!r}; there are {', '.join((*self._calls, *self._others))}")
        if tr is not None and tr not in self._only.get(kind, (tr,)):
            raise UsageError(
                f"fault: {kind!r} can't happen to {tr!r}, only to {self._those}: leave tr out, or give one of "
                f"{', '.join(self._only[kind])}"
            )
        if tr in self._others and code is not None:
            raise UsageError(f"fault: {tr!r} is about no code, so code = {code!r} never matches: leave one of the two out")

    def take(self, tr: str, *, data: bool, code: str = "") -> Fault | None:
        """The fault that hits this request about `code`, counted as fired; None for a healthy answer."""
        if not self._set:
            return None
        now = time.monotonic()
        with self._lock:
            for fault in self._set:
                if fault.over(now) or not fault.matches(tr, data, code) or tr not in self._only.get(fault.kind, (tr,)):
                    continue
                if fault.passed < fault.after:
                    fault.passed += 1
                    continue
                fault.fired += 1
                if fault.seconds is not None and fault.ends is None:
                    fault.ends = now + fault.seconds
                return fault
        return None

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._set.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Every fault set since the last clear with how often it fired and whether it is over."""
        now = time.monotonic()
        with self._lock:
            return [
                {
                    "kind": fault.kind,
                    "tr": fault.tr,
                    "code": fault.code,
                    "count": fault.count,
                    "seconds": fault.seconds,
                    "after": fault.after,
                    "delay": fault.delay,
                    "fired": fault.fired,
                    "over": fault.over(now),
                }
                for fault in self._set
            ]
