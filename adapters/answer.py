"""One answer of a provider, and whether it is a good one."""

from __future__ import annotations

import datetime as dt
import email.utils
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import RateLimited, Terminal, Transient

#: Statuses below 500 that ask for another attempt: Request Timeout, Too Early (RFC 9110, RFC 8470).
_AGAIN_LATER = {408, 425}


@dataclass(frozen=True)
class Answer:
    """One answer, read in full.

    `headers` by lower-case name, `body` decompressed, `seconds` from sending to the last byte.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        """The body as JSON; `Transient` when it is none (a cut or mixed-up answer)."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            # The decoder's own words quote nothing, but its error object holds the body, which may hold a token.
            raise Transient(f"HTTP {self.status} with {len(self.body)} bytes that are no JSON") from None


Judge = Callable[[Answer], None]


def check(answer: Answer, asked: str, judge: Judge | None) -> None:
    """Return if `answer` is good: by the provider's own words first (`judge`), then by its status.

    `judge` is asked about every answer with a body and about every 2xx. `asked` names the request in messages. Errors:
    what the judge raises, `RateLimited` (429), `Transient` (408, 425, 5xx), `Terminal` (anything else but 2xx); a
    Retry-After header goes with whatever can be retried.
    """
    wait = retry_after(answer.headers)
    if judge is not None and (answer.body or is_success(answer.status)):
        try:
            judge(answer)
        except Transient as error:
            if error.retry_after is None:
                error.retry_after = wait
            raise
    failure = failure_of(answer.status, f"{asked}: HTTP {answer.status}", wait)
    if failure is not None:
        raise failure


def is_success(status: int) -> bool:
    """Whether a status is one of 2xx."""
    return 200 <= status < 300


def failure_of(status: int, words: str, wait: float | None = None) -> Transient | Terminal | None:
    """What a status alone says: nothing (2xx), `RateLimited` (429), `Transient` (408, 425, 5xx), `Terminal` (all others).

    The error has `words` for its message and `wait` (seconds) as `retry_after`.
    """
    if is_success(status):
        return None
    if status == 429:
        return RateLimited(words, wait)
    if status >= 500 or status in _AGAIN_LATER:
        return Transient(words, wait)
    return Terminal(words)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header: a number, or a date by the server's own clock (RFC 9110, section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    then = _http_date(text)
    if then is None:
        return None
    now = _http_date(headers.get("date", "")) or dt.datetime.now(dt.UTC)
    return max(0.0, (then - now).total_seconds())


def _http_date(text: str) -> dt.datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
