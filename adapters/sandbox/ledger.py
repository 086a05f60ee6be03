"""What was asked of the sandbox: arrivals, counted by the monotonic clock the moment a request reached the machine.

Threads may tell of them a little out of order: an arrival is put where its moment belongs, and the windows after it are
counted again.

Limits are per app key. An arrival over a limit is a violation whether limits are enforced or not; only the per-second
limit is one KIS enforces (EGW00201), the per-minute one is our own promise and is reported. Whether a request is
refused is judged by the requests *served* in the second before it, so that a refused burst does not lock its sender
out. Yahoo has a ledger of its own, in which everybody has one key.
"""

from __future__ import annotations

import hashlib
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.errors import UsageError

#: An arrival may be told of so many seconds late and still finds all its neighbours.
_LATE = 30.0
#: Data requests remembered one by one for `?detail=1`; older ones stay counted.
_DETAILS = 1_000_000


@dataclass(frozen=True)
class Limits:
    """Requests per app key: KIS's own per second (real and paper host) and ours per minute."""

    enforce: bool = True
    per_second: int = 18
    paper_per_second: int = 1
    per_minute: int = 1000

    def changed(self, **wanted: Any) -> Limits:
        """These limits with some replaced; `UsageError` for an unknown name or a value that is no number over 0."""
        for name, value in wanted.items():
            if name not in Limits.__dataclass_fields__:
                raise UsageError(f"limits: unknown name {name!r}; there are {', '.join(Limits.__dataclass_fields__)}")
            kind = bool if name == "enforce" else int
            if type(value) is not kind or (kind is int and value < 1):
                raise UsageError(f"limits: {name} = {value!r} must be {'true or false' if kind is bool else 'over 0'}")
        return replace(self, **wanted)


@dataclass
class Arrival:
    """One data request; `status` and what follows are filled in when its answer is known (status None: no answer)."""

    at: float
    key: str
    tr: str
    path: str
    code: str = ""
    start: str = ""
    until: str = ""
    served_rows: int = 0
    status: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The row of `?detail=1`; `at` in seconds since the sandbox started."""
        return {
            "at": round(self.at, 6),
            "key": self.key,
            "tr": self.tr,
            "code": self.code,
            "from": self.start,
            "until": self.until,
            "served_rows": self.served_rows,
            "status": self.status,
        }


@dataclass
class _Window:
    """Arrivals of one app key, ascending: those that a window of `seconds` may still count."""

    seconds: float
    times: list[float] = field(default_factory=list)

    def add(self, at: float) -> list[int]:
        """Put an arrival in its place; the counts of the windows that end with it and with those after it."""
        over = bisect_right(self.times, at - self.seconds - _LATE)
        if over > len(self.times) // 2:  # seldom, as it moves all the others
            del self.times[:over]
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        last = bisect_left(self.times, at + self.seconds)
        return [end + 1 - bisect_right(self.times, self.times[end] - self.seconds) for end in range(place, last)]

    def take_back(self, at: float) -> None:
        """Forget an arrival that was added."""
        del self.times[bisect_left(self.times, at)]


@dataclass
class _Windows:
    """What one app key sent, and what it was served."""

    second: _Window = field(default_factory=lambda: _Window(1.0))
    minute: _Window = field(default_factory=lambda: _Window(60.0))
    served: _Window = field(default_factory=lambda: _Window(1.0))
    largest_second: int = 0
    largest_minute: int = 0


class Ledger:
    """Counts requests; `limits` may be replaced at any time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self.clear()

    def clear(self) -> None:
        """Forget all counts; limits and their windows go on."""
        with self._lock:
            self._windows: dict[str, _Windows] = getattr(self, "_windows", {})
            for window in self._windows.values():
                window.largest_second = window.largest_minute = 0
            self._by_tr: Counter[str] = Counter()
            self._by_path: Counter[str] = Counter()
            self._by_key: Counter[str] = Counter()
            self._by_status: Counter[str] = Counter()
            self._violations: Counter[str] = Counter()
            self._refused = 0
            self._tokens: Counter[str] = Counter()
            self._details: deque[Arrival] = deque(maxlen=_DETAILS)

    def arrive(self, app_key: str, tr: str, path: str, at: float, *, paper: bool) -> tuple[Arrival, bool]:
        """Count a data request that came in at monotonic `at`; the second value says that it must be refused."""
        key = key_label(app_key)
        arrival = Arrival(at - self._started, key, tr, path)
        with self._lock:
            limits = self.limits
            windows = self._windows.setdefault(key, _Windows())
            per_second = limits.paper_per_second if paper else limits.per_second
            seconds, minutes = windows.second.add(at), windows.minute.add(at)
            windows.largest_second = max(windows.largest_second, *seconds)
            windows.largest_minute = max(windows.largest_minute, *minutes)
            self._violations["per_second"] += _exceeded(seconds, per_second)
            self._violations["per_minute"] += _exceeded(minutes, limits.per_minute)
            refused = limits.enforce and max(windows.served.add(at)) > per_second
            if refused:
                windows.served.take_back(at)
                self._refused += 1
            self._by_tr[tr] += 1
            self._by_path[path] += 1
            self._by_key[key] += 1
            self._details.append(arrival)
        return arrival, refused

    def finish(self, arrival: Arrival, status: int | None) -> None:
        """The request was answered with this HTTP status, or not at all (None)."""
        arrival.status = status
        with self._lock:
            self._by_status[str(status) if status else "no answer"] += 1

    def note(self, path: str) -> None:
        """Count a request that is no data call: tokens, master files."""
        with self._lock:
            self._by_path[path] += 1

    def note_token(self, outcome: str) -> None:
        """Count what a token request came to: issued, repeated, refused; a refusal is a violation of the token rule."""
        with self._lock:
            self._tokens[outcome] += 1
            self._violations["token"] += outcome == "refused"

    def report(self, *, detail: bool = False) -> dict[str, Any]:
        """Everything counted since the start or the last `clear`."""
        with self._lock:
            windows = self._windows
            body: dict[str, Any] = {
                "requests": sum(self._by_tr.values()),
                "by_tr": dict(self._by_tr),
                "by_path": dict(self._by_path),
                "by_key": dict(self._by_key),
                "by_status": dict(self._by_status),
                "largest_1s": max((w.largest_second for w in windows.values()), default=0),
                "largest_60s": max((w.largest_minute for w in windows.values()), default=0),
                "largest_by_key": {k: {"1s": w.largest_second, "60s": w.largest_minute} for k, w in windows.items()},
                "violations": {name: self._violations[name] for name in ("per_second", "per_minute", "token")},
                "refused": self._refused,
                "tokens": {name: self._tokens[name] for name in ("issued", "repeated", "refused")},
                "limits": dict(self.limits.__dict__),
            }
            if detail:
                body["detail"] = [arrival.as_dict() for arrival in self._details]
        return body


def key_label(app_key: str) -> str:
    """A short name of an app key that does not give it away."""
    return hashlib.sha256(app_key.encode()).hexdigest()[:12] if app_key else "none"


def _exceeded(counts: list[int], limit: int) -> int:
    """How many windows an arrival broke: its own if it is over the limit, later ones that it pushed over."""
    return (counts[0] > limit) + sum(count == limit + 1 for count in counts[1:])
