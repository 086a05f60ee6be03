"""The door through which a provider's own client library goes out: the same slots, breakers and attempts as `transport.py`.

    library ── session.request ── hop ── breakers ── limiter ── send ── judge ── library
                    └ redirects are hops of their own: each is checked and takes its slot

`Door` knows nothing of an HTTP library: a provider's package makes the session that its library takes, which sends nothing but
through the door (`yfinance/session.py`). Every host must be one of the provider's; with a sandbox, host and scheme are
replaced by the sandbox's.

| what happened | what the library sees |
|---|---|
| 2xx, read by the call's judge | the answer |
| 401, 403, once a call | the answer: it fetches another cookie and crumb |
| cookie, crumb and consent pages, whatever they answer but 429 | the answer, or the network's error |
| 429, or a crumb that says so | `RateLimited`; nobody asks for `rate_limit_seconds` |
| refused, timed out, cut, 408, 425, 5xx, a second 401 | `Transient` |
| any other status that the judge refuses, a host that is not the provider's | `Terminal` |

What is none of these is a defect of ours, such as an error of a judge or of `on_attempt`: `calling` raises it, whatever the
library makes of it on the way, and nothing further is sent.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.answer import failure_of
from adapters.breaker import Breaker
from adapters.course import Course, TransportConfig
from adapters.limiter import PAUSE, Limiter
from adapters.transport import MAX_BODY, Attempt, refuse_clear_text
from pipeline.errors import RateLimited, SpockError, Terminal, Transient, Unavailable

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_HOPS = 6
#: Statuses a library answers with another cookie and crumb.
_STALE = {401, 403}


class Reply(Protocol):
    """What the door reads of an HTTP library's answer."""

    status_code: int
    content: bytes
    url: str
    #: Values of the transfer that were asked for, such as how many connections it opened.
    infos: dict[Any, Any]

    @property
    def headers(self) -> Any: ...


#: Sends one request to an address within so many seconds; raises OSError when no whole answer comes.
Send = Callable[[str, float], Reply]


@dataclass
class Call:
    """One call of ours, which the library may answer with several requests; belongs to the thread that makes it.

    `judge` reads a good answer of the provider's data pages: it returns what `body` becomes or raises Transient or Terminal.
    `network` is the last error of the network that the library was shown, `defect` the first one that nobody expected.
    """

    capability: str
    course: Course
    judge: Callable[[Reply], Any]
    on_attempt: Callable[[Attempt], None] | None = None
    body: Any = None
    stale: int = field(default=0, repr=False)
    network: OSError | None = field(default=None, repr=False)
    defect: BaseException | None = field(default=None, repr=False)


class Door:
    """All requests of one provider that a library makes. Thread-safe; a call is opened by `calling`.

    `hosts` are the provider's domains, `soft` tells its cookie and crumb pages. `origin` is a sandbox's address, None for the
    real provider. `flood` is the breaker that opens with the first 429.
    """

    def __init__(
        self,
        provider: str,
        *,
        hosts: tuple[str, ...],
        soft: Callable[[str, str], bool],
        origin: str | None,
        limiter: Limiter,
        breakers: Callable[[str], Breaker],
        flood: Breaker,
        config: TransportConfig,
        read_timeout: float,
    ) -> None:
        if origin is not None:
            refuse_clear_text(provider, origin)
        self.provider = provider
        self.origin = origin
        self.flood = flood
        self.config = config
        self._hosts = hosts
        self._soft = soft
        self._limiter = limiter
        self._breakers = breakers
        self._read_timeout = read_timeout
        self._calls = threading.local()
        # A new connection takes a fraction of a second, while the next request may go out on one that stands: with a limit,
        # requests leave this process one after the other.
        self._turn: contextlib.AbstractContextManager[Any] = threading.Lock() if limiter.limits else contextlib.nullcontext()
        self._sent = 0
        self._count = threading.Lock()

    @property
    def sent(self) -> int:
        """Attempts sent so far."""
        return self._sent

    @contextlib.contextmanager
    def calling(self, call: Call) -> Iterator[None]:
        """Requests of this thread inside the block belong to `call`; a defect met in one of them is raised at its end."""
        self._calls.current = call
        try:
            yield
        finally:
            self._calls.current = None
            if call.defect is not None:
                raise call.defect

    def request(self, method: str, url: str, perform: Callable[[str, str, float], Reply]) -> Reply:
        """One request of the library with its redirects. `perform` takes method, address and seconds; a redirect's address
        holds its whole query.

        The answer's `url` is the one that was asked for, not the sandbox's. Errors: see the table above.
        """
        call: Call | None = getattr(self._calls, "current", None)
        if call is None:
            raise AssertionError(f"{self.provider}: {urllib.parse.urlsplit(url).path} was asked outside of a call")
        if call.defect is not None:
            raise call.defect
        try:
            return self._follow(call, method, url, perform)
        except SpockError:
            raise
        except BaseException as error:
            # Libraries catch what they did not expect; `calling` raises it again.
            if error is not call.network and call.defect is None:
                call.defect = error
            raise

    def _follow(self, call: Call, method: str, url: str, perform: Callable[[str, str, float], Reply]) -> Reply:
        """A request and its redirects, hop by hop."""
        for _ in range(_MOST_HOPS):
            address = self.address(url)
            reply = self._hop(call, method, url, functools.partial(perform, method, address))
            reply.url = url
            target = reply.headers.get("location")
            if reply.status_code not in _REDIRECTS or not target:
                return reply
            url = urllib.parse.urljoin(url, target)
            if reply.status_code in (301, 302, 303):
                method = "GET"
        raise Terminal(f"{self.provider}: {_words(method, url)}: more than {_MOST_HOPS} redirects")

    def refusal(self, course: Course) -> Unavailable:
        """The final error of a call that met a 429: until when nobody asks."""
        try:
            self.flood.check()
        except Unavailable as error:
            return course.unavailable(error)
        self.flood.forget()
        return course.unavailable()

    def address(self, url: str) -> str:
        """Where a request for `url` really goes; Terminal for a host that is not the provider's."""
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        ours = self.origin is not None and url.startswith(f"{self.origin}/")
        if not ours and (parts.scheme != "https" or not any(host == one or host.endswith(f".{one}") for one in self._hosts)):
            raise Terminal(f"{self.provider}: {parts.scheme}://{host} is none of its hosts; not asked")
        if self.origin is None or ours:
            return url
        return self.origin + urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def _hop(self, call: Call, method: str, url: str, send: Callable[[float], Reply]) -> Reply:
        """One attempt: its slot, its answer, and everyone told how it went."""
        parts = urllib.parse.urlsplit(url)
        soft = self._soft(parts.hostname or "", parts.path)
        words = f"{self.provider}: {_words(method, url)}"
        breaker = self._admitted(call)
        with self._turn:
            try:
                self._limiter.acquire()
            except BaseException:
                self._release(breaker)
                raise
            with self._count:
                self._sent += 1
            at, started = dt.datetime.now(dt.UTC), time.monotonic()
            reply: Reply | None = None
            failure: Transient | Terminal | None = None
            try:
                reply = send(max(0.001, min(call.course.left(), self._read_timeout)))
                self._limiter_learns(reply)
                self._judge(call, reply, words, soft)
            except (Transient, Terminal) as error:
                failure = error
            except OSError as error:
                failure = Transient(f"{words}: {_unanswered(error, time.monotonic() - started)}")
                if soft:
                    # The library goes on without a cookie.
                    call.network = error
                    self._release(breaker)
                    self._report(call, at, started, None, failure)
                    raise
            except BaseException:
                self._release(breaker)
                raise
        call.course.spent += time.monotonic() - started
        self._settle(breaker, reply, failure, soft)
        self._report(call, at, started, reply, failure)
        if failure is not None:
            call.course.note(failure)
            raise failure
        assert reply is not None
        return reply

    def _admitted(self, call: Call) -> Breaker:
        """The capability's breaker, after it and the one of all let the request through."""
        breaker = self._breakers(call.capability)
        try:
            self.flood.check()
            try:
                breaker.check()
            except BaseException:
                self.flood.forget()
                raise
        except Unavailable as error:
            raise call.course.unavailable(error) from error
        return breaker

    def _release(self, breaker: Breaker) -> None:
        breaker.forget()
        self.flood.forget()

    def _limiter_learns(self, reply: Reply) -> None:
        """A request that opened its connection left later than its slot: the next slot is counted from its answer."""
        if any(reply.infos.values()):
            self._limiter.sent()

    def _judge(self, call: Call, reply: Reply, words: str, soft: bool) -> None:
        """Return where the library may see the answer."""
        status = reply.status_code
        failure = failure_of(status, f"{words}: HTTP {status}")
        if isinstance(failure, RateLimited) or (soft and b"Too Many Requests" in reply.content[:200]):
            raise RateLimited(f"{words}: HTTP {status}, too many requests")
        if soft or status in _REDIRECTS:
            return
        if len(reply.content) > MAX_BODY:
            raise Terminal(f"{words}: the answer is larger than {MAX_BODY} bytes; not read")
        if status in _STALE:
            call.stale += 1
            if call.stale == 1:
                return
            raise Transient(f"{words}: HTTP {status}, with another cookie and crumb too")
        if isinstance(failure, Transient):
            raise failure
        # What else refuses is told in the provider's own words.
        try:
            call.body = call.judge(reply)
        except (Transient, Terminal) as error:
            error.args = (f"{words}: {error}", *error.args[1:])
            raise

    def _settle(self, breaker: Breaker, reply: Reply | None, failure: Transient | Terminal | None, soft: bool) -> None:
        """Tell limiter and breakers how the attempt went."""
        if isinstance(failure, RateLimited):
            self._limiter.complain(PAUSE)
            self.flood.failure(str(failure))
            breaker.forget()
            return
        if self.flood.state() == "half_open":
            # Answers to requests from before the 429 say nothing; that of the probe does.
            if reply is not None:
                self.flood.success()
            else:
                self.flood.forget()
        if soft:
            # A cookie says nothing of the data.
            breaker.forget()
        elif isinstance(failure, Transient):
            breaker.failure(str(failure))
        else:
            breaker.success()

    def _report(self, call: Call, at: dt.datetime, started: float, reply: Reply | None, failure: Exception | None) -> None:
        """Hand the attempt to the hook."""
        if call.on_attempt is None:
            return
        outcomes = ((RateLimited, "rate_limited"), (Transient, "transient"), (Terminal, "terminal"))
        outcome = next((name for kind, name in outcomes if isinstance(failure, kind)), "ok")
        status = None if reply is None else reply.status_code
        detail = "" if failure is None else str(failure)
        seconds = time.monotonic() - started
        call.on_attempt(Attempt(self.provider, call.capability, at, seconds, outcome, status, detail))


def _unanswered(error: OSError, late: float) -> str:
    """Why no answer came within `late` seconds. Libraries name their errors alike: one without "Timeout" ran out of no time."""
    name = type(error).__name__
    if "Timeout" in name:
        return f"no whole answer within {late:.1f} s ({name})"
    return f"the connection failed after {late:.1f} s ({name})"


def _words(method: str, url: str) -> str:
    """A request in words that hold no crumb."""
    parts = urllib.parse.urlsplit(url)
    return f"{method} {parts.hostname or ''}{parts.path}"
