"""The one way out: retry(breaker(limiter(send))), so every attempt takes a slot. The only importer of httpx.

    request ── attempts, back-off, one deadline over all of them ── Answer | Terminal | Unavailable
      └ attempt ── breaker.check ── headers ── limiter.acquire ── send ── judge ── status rules

| what happened | raised in the attempt | repeated | limiter | breaker |
|---|---|---|---|---|
| refused, reset, timed out, cut body, undecodable, 408, 425, 5xx | Transient | `attempts` | | failure |
| judge's Transient | as raised | `attempts` | | failure; success if `retry_after` is 0 |
| 429, judge's RateLimited | RateLimited | `rate_limit_attempts` | complain | success |
| any other status but 2xx, judge's Terminal | Terminal | no | | success |

The judge comes before the status rules, for some providers put their own error codes into bodies of status 500 and 403.
Its `Transient(…, retry_after=0)` says that the provider is well and only our side was stale: again at once.

Secrets: a message holds the method, the host or path and what happened, never a query, header or body; values sent in
these are blotted out of the judge's words too. Keys never travel in clear: `http://` is for loopback only.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import ipaddress
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import Retrying, retry_if_exception_type

from adapters.answer import Answer, Judge, check
from adapters.breaker import Breaker
from adapters.course import Asked, Course, Headers, TransportConfig
from adapters.deadline import DeadlineBackend, deadline, prolong
from adapters.limiter import PAUSE, Limiter
from pipeline.errors import ConfigError, RateLimited, Terminal, Transient, Unavailable

__all__ = ["MAX_BODY", "Answer", "Attempt", "Transport", "TransportConfig", "key_hash", "refuse_clear_text"]

#: Largest body taken, in bytes after decompression.
MAX_BODY = 64 * 1024 * 1024
#: Seconds an idle connection is kept: longer than eight workers at one request a second leave it idle.
KEEP_ALIVE = 15.0

# httpx logs every URL with its query at INFO, httpcore every header at DEBUG: both may hold keys.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True)
class Attempt:
    """One attempt, for metrics: `at` (UTC) and `seconds` of sending and reading, without the wait for a slot.

    `outcome`: ok, transient, rate_limited or terminal; `status` is None when no answer came; `detail` says why.
    """

    provider: str
    capability: str
    at: dt.datetime
    seconds: float
    outcome: str
    status: int | None
    detail: str


def key_hash(secret: str) -> str:
    """A short hash that names a key in state files; never the key itself."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


class Transport:
    """All requests of one provider account. Thread-safe; `on_attempt` is called in the threads that ask.

    `base_url` is https, or http on a loopback address (`ConfigError` otherwise). `breakers` gives the breaker of a
    capability.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        limiter: Limiter,
        breakers: Callable[[str], Breaker],
        config: TransportConfig,
        on_attempt: Callable[[Attempt], None] | None = None,
    ) -> None:
        self.provider = provider
        self._limiter = limiter
        self._breakers = breakers
        self._config = config
        self._on_attempt = on_attempt
        self._sent = 0
        self._count_lock = threading.Lock()
        refuse_clear_text(provider, base_url)
        self._client = _client(base_url, config.workers)

    @property
    def sent(self) -> int:
        """Attempts sent so far."""
        return self._sent

    def request(
        self,
        method: str,
        path: str,
        *,
        capability: str,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        headers: Headers = None,
        judge: Judge | None = None,
        read_timeout: float | None = None,
        attempts: int | None = None,
    ) -> Answer:
        """A 2xx answer that `judge` let pass.

        `path` is relative to the base URL, or a whole URL. `headers` as a callable is asked anew for every attempt.
        `judge` sees every answer with a body, and every 2xx. A GET is repeated as the settings say, anything else is
        sent once; `attempts` overrides both, whatever the reason for repeating. Waiting for slots is not part of the
        deadline.

        Errors: `Terminal` (the same again would fail again); `Unavailable` after the last attempt or while the breaker
        is open, listing what happened, with `retry_at` (UTC) where one is known.
        """
        if "://" in path:
            refuse_clear_text(self.provider, path)
        asked = Asked(self.provider, method.upper(), path, capability, params, json, headers, judge, read_timeout)
        course = Course(asked, self._config, attempts)
        only_transient = retry_if_exception_type(Transient)
        retrying = Retrying(retry=only_transient, wait=course.pause, stop=course.over, sleep=course.sleep, reraise=True)
        try:
            return retrying(self._attempt, course)
        except Transient as error:
            raise course.unavailable() from error

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _attempt(self, course: Course) -> Answer:
        """One attempt: its slot, its answer, and everyone told how it went."""
        breaker = self._breakers(course.asked.capability)
        try:
            breaker.check()
        except Unavailable as error:
            raise course.unavailable(error) from error
        try:
            request = self._build(course)
            self._limiter.acquire()
        except BaseException:
            breaker.forget()
            raise
        at, started = dt.datetime.now(dt.UTC), time.monotonic()
        answer: Answer | None = None
        failure: Transient | Terminal | None = None
        try:
            answer = self._send(request, course)
            check(answer, str(course.asked), course.asked.judge)
        except (Transient, Terminal) as error:
            course.note(error)
            failure = error
        except BaseException:
            breaker.forget()
            raise
        seconds = time.monotonic() - started
        course.spent += seconds
        self._settle(breaker, answer, failure)
        self._report(course.asked, at, seconds, answer, failure)
        if answer is None or failure is not None:
            assert failure is not None
            raise failure
        return answer

    def _settle(self, breaker: Breaker, answer: Answer | None, failure: Transient | Terminal | None) -> None:
        """Tell limiter and breaker how the attempt went."""
        if isinstance(failure, RateLimited):
            self._limiter.complain(max(PAUSE, min(failure.retry_after or 0.0, self._config.deadline)))
        if isinstance(failure, Transient) and not isinstance(failure, RateLimited) and failure.retry_after != 0:
            breaker.failure(str(failure))
        elif answer is not None:
            breaker.success()
        else:
            breaker.forget()

    def _report(self, asked: Asked, at: dt.datetime, seconds: float, answer: Answer | None, failure: Exception | None) -> None:
        """Hand the attempt to the hook."""
        if self._on_attempt is None:
            return
        outcomes = ((RateLimited, "rate_limited"), (Transient, "transient"), (Terminal, "terminal"))
        outcome = next((name for kind, name in outcomes if isinstance(failure, kind)), "ok")
        status = None if answer is None else answer.status
        detail = "" if failure is None else str(failure)
        self._on_attempt(Attempt(self.provider, asked.capability, at, seconds, outcome, status, detail))

    def _build(self, course: Course) -> httpx.Request:
        """The request with this attempt's headers."""
        asked, config = course.asked, self._config
        headers = dict(asked.headers() if callable(asked.headers) else asked.headers or {})
        course.learn_secrets(headers)
        read = asked.read_timeout or config.read_timeout
        timeout = httpx.Timeout(connect=config.connect_timeout, read=read, write=read, pool=config.deadline)
        try:
            return self._client.build_request(
                asked.method, asked.path, params=asked.params, json=asked.json, headers=headers, timeout=timeout
            )
        except (ValueError, TypeError, httpx.InvalidURL) as error:
            raise _unsendable(asked, error) from None

    def _send(self, request: httpx.Request, course: Course) -> Answer:
        """The answer read in full; whatever went wrong on the way in our words."""
        asked = course.asked
        request.extensions["trace"] = self._watch
        with self._count_lock:
            self._sent += 1
        started = time.monotonic()
        try:
            with deadline(course.left()):
                response = self._client.send(request, stream=True, follow_redirects=False)
                try:
                    body = b"".join(_bounded(response.iter_bytes(), asked))
                finally:
                    response.close()
        except httpx.TimeoutException as error:
            late = time.monotonic() - started
            raise Transient(f"{asked}: no whole answer within {late:.1f} s ({type(error).__name__})") from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol) as error:
            raise _unsendable(asked, error) from None
        except httpx.RequestError as error:
            raise Transient(f"{asked}: {type(error).__name__} ({error})") from None
        return Answer(response.status_code, dict(response.headers), body, time.monotonic() - started)

    def _watch(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep the slot honest: a connection may have been opened since it was given, or the processor been away."""
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            prolong(self._limiter.renew())
        elif event == "http11.send_request_headers.complete":
            self._limiter.sent()


def _unsendable(asked: Asked, error: Exception) -> Terminal:
    """In our words only: the client's own quote the header that can't be sent, which may be a key."""
    return Terminal(f"{asked}: can't be sent ({type(error).__name__}); is there a newline or an odd character in a key?")


def _bounded(chunks: Iterator[bytes], asked: Asked) -> Iterator[bytes]:
    """`chunks` as long as they stay below `MAX_BODY` together."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY:
            raise Terminal(f"{asked}: the answer is larger than {MAX_BODY} bytes; not read")
        yield chunk


def refuse_clear_text(provider: str, url: str) -> None:
    """`ConfigError` for http:// to anywhere but this machine."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{provider}: its address can't be read ({error}); see spock config show") from None
    if parsed.host and (parsed.scheme == "https" or (parsed.scheme == "http" and _is_loopback(parsed.host))):
        return
    raise ConfigError(
        f"{provider}: {parsed.scheme}://{parsed.host} is refused, keys would travel in clear; "
        "use https:// (http:// is for loopback addresses)"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@functools.cache
def _tls() -> ssl.SSLContext:
    """One for all clients: reading the certificates takes longer than everything else about a client."""
    return httpx.create_ssl_context()


def _client(base_url: str, workers: int) -> httpx.Client:
    """A client whose connections keep the deadline; https obeys the environment's proxies, loopback never sees one."""
    limits = httpx.Limits(max_connections=workers, max_keepalive_connections=workers, keepalive_expiry=KEEP_ALIVE)
    direct = httpx.HTTPTransport(verify=_tls(), limits=limits)
    client = httpx.Client(
        base_url=base_url,
        verify=_tls(),
        limits=limits,
        follow_redirects=False,
        headers={"user-agent": "spock"},
        mounts={"http://": direct},
    )
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            # httpx has no way to hand a network backend down; a test with a dripping server guards this line.
            transport._pool._network_backend = DeadlineBackend()
    return client
