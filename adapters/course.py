"""The course of one request: what happened to its attempts, and whether and when there is another one."""

from __future__ import annotations

import datetime as dt
import random
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tenacity import RetryCallState

from adapters.answer import Judge
from pipeline.errors import RateLimited, Transient, Unavailable

#: Shorter values are flags and codes (a TR id has 13), and blotting them out would garble every message.
_SECRET_LENGTH = 16
_OPEN_HEADERS = {"accept", "accept-encoding", "content-type", "user-agent"}

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]] | None


class TransportConfig(Protocol):
    """What the transport reads of the settings; all times in seconds."""

    @property
    def connect_timeout(self) -> float: ...
    @property
    def read_timeout(self) -> float: ...
    @property
    def attempts(self) -> int: ...
    @property
    def rate_limit_attempts(self) -> int: ...
    @property
    def backoff_base(self) -> float: ...
    @property
    def backoff_max(self) -> float: ...
    @property
    def deadline(self) -> float: ...
    @property
    def workers(self) -> int: ...


@dataclass(frozen=True)
class Asked:
    """One request as the caller put it; its text (method, host, path) is safe to show."""

    provider: str
    method: str
    path: str
    capability: str
    params: Mapping[str, str] | None
    json: Any
    headers: Headers
    judge: Judge | None
    read_timeout: float | None

    def __str__(self) -> str:
        url = urllib.parse.urlsplit(self.path)
        return f"{self.provider}: {self.method} {url.hostname or ''}{url.path}"


class Course:
    """Attempts, waits and secrets of one request. Not thread-safe: a request belongs to the thread that makes it.

    `spent`: seconds of sending and backing off so far, which the deadline bounds; waiting for slots is not among them.
    `attempts` given by the caller overrides the settings, whatever the reason for repeating.
    """

    def __init__(self, asked: Asked, config: TransportConfig, attempts: int | None) -> None:
        self.asked = asked
        self.spent = 0.0
        self._config = config
        # Only what is safe to repeat is repeated unasked.
        given = attempts if attempts is not None or asked.method == "GET" else 1
        self._attempts = config.attempts if given is None else given
        self._rate_limit_attempts = config.rate_limit_attempts if given is None else given
        self._failed = 0
        self._limited = 0
        self._said: list[str] = []
        self._retry_at: dt.datetime | None = None
        self._secrets: set[str] = set()
        self._learn(asked.params)
        self._learn(asked.json)

    def left(self) -> float:
        """Seconds of the deadline that are left."""
        return max(0.0, self._config.deadline - self.spent)

    def pause(self, state: RetryCallState) -> float:
        """Seconds before the next attempt: as the provider asks, else exponential; both with jitter."""
        error = _error(state)
        limited = isinstance(error, RateLimited)
        self._limited += limited
        self._failed += not limited
        base = self._config.backoff_base
        if error.retry_after is not None:
            return error.retry_after + random.uniform(0, min(base, error.retry_after))
        tries = self._limited if limited else self._failed
        highest = min(self._config.backoff_max, base * 2.0 ** (tries - 1))
        return random.uniform(highest / 2, highest)

    def over(self, state: RetryCallState) -> bool:
        """No attempts left, or the next one would start after the deadline."""
        limited = isinstance(_error(state), RateLimited)
        used, budget = (self._limited, self._rate_limit_attempts) if limited else (self._failed, self._attempts)
        if used >= budget:
            return True
        if state.upcoming_sleep < self.left():
            return False
        self._retry_at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=state.upcoming_sleep)
        self._said.append(f"another attempt would start after the deadline of {self._config.deadline:g} s")
        return True

    def sleep(self, seconds: float) -> None:
        """Wait before the next attempt; part of the deadline."""
        self.spent += seconds
        time.sleep(seconds)

    def note(self, error: Exception) -> str:
        """Remember what an attempt ended with; its words (also in `error`) without what was sent."""
        words = self.blot(str(error))
        error.args = (words, *error.args[1:])
        self._said.append(words)
        return words

    def unavailable(self, refused: Unavailable | None = None) -> Unavailable:
        """The final error: every attempt, equal ones counted; `refused` is the breaker's word."""
        said = Counter([*self._said, *([str(refused)] if refused else [])])
        words = "; ".join(text if times == 1 else f"{text} (×{times})" for text, times in said.items())
        return Unavailable(words, refused.retry_at if refused else self._retry_at)

    def learn_secrets(self, headers: Mapping[str, str]) -> None:
        """Remember what must never be shown."""
        self._learn({name: value for name, value in headers.items() if name.lower() not in _OPEN_HEADERS})

    def blot(self, text: str) -> str:
        """`text` without anything that was sent as a header, parameter or body value."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _learn(self, values: Any) -> None:
        words = (part for text in _texts(values) for part in (text, *text.split()))
        self._secrets.update(word for word in words if len(word) >= _SECRET_LENGTH)


def _texts(value: Any) -> Iterator[str]:
    """All texts inside a JSON-like value, without the names they stand under."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        for item in value:
            yield from _texts(item)


def _error(state: RetryCallState) -> Transient:
    """What the attempt under consideration raised; only a Transient is considered."""
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Transient)
    return error
