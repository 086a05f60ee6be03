"""One wire to Yahoo a process: yfinance's own cookie and crumb handling over our session, retries, and answers as JSON.

Yahoo's chart is asked through yfinance's `YfData` and read here, not by `Ticker.history`: that would ask twice (once for the
timezone), choose among rows of one date, and turn the wire's decimals into binary ones before anybody sees them.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as url_quote

from tenacity import Retrying, retry_if_exception

from adapters.base import Capability
from adapters.breaker import Breaker
from adapters.course import Asked, Course, TransportConfig
from adapters.door import Call, Door, Reply
from adapters.limiter import Limit, Limiter
from adapters.transport import Attempt, key_hash
from adapters.yfinance import caches, numbers
from adapters.yfinance.chart import PROVIDER
from adapters.yfinance.session import guarded_session
from pipeline.errors import RateLimited, Terminal, Transient, Unavailable

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

OnAttempt = Callable[[Attempt], None]

_HOSTS = ("yahoo.com",)
_QUERY1, _QUERY2 = "https://query1.finance.yahoo.com", "https://query2.finance.yahoo.com"
#: Where cookies, consent and crumbs come from: whatever these answer, the library knows what to do.
_COOKIE_HOSTS = {"fc.yahoo.com", "guce.yahoo.com", "consent.yahoo.com"}
_CRUMB = "/v1/test/getcrumb"
#: Each attempt may cost a cookie and a crumb, too, at one request a second: fewer than elsewhere.
_ATTEMPTS = 3
#: A chart of thirty years is one answer of more than a megabyte.
_READ_TIMEOUT = 15.0
#: Through now, whenever that is (Yahoo takes any later second for now).
_THROUGH_NOW = 9_999_999_999
#: Rows of one screener page (yfinance 1.7.0: "Yahoo limits query size to 250") and symbols of one quote request.
PAGE = 250
QUOTES = 50


class Wire:
    """Everything that is asked of Yahoo in this process. Thread-safe.

    `origin` is a sandbox's address, None for Yahoo itself. `limits`, breakers and the pause after a 429 (`rate_limit_seconds`)
    hold for all processes that share `state_dir`. yfinance is imported with the first question (0.8 s).
    """

    def __init__(
        self,
        *,
        origin: str | None,
        state_dir: Path,
        limits: Sequence[Limit],
        config: TransportConfig,
        breaker: tuple[int, float],
        rate_limit_seconds: float,
    ) -> None:
        self._config = config
        self._state_dir = state_dir
        key = f"{PROVIDER}:{key_hash(origin or _QUERY2)}"

        def breakers(capability: str) -> Breaker:
            return Breaker(state_dir, key, capability, *breaker)

        self._door = Door(
            PROVIDER,
            hosts=_HOSTS,
            soft=lambda host, path: host in _COOKIE_HOSTS or path == _CRUMB,
            origin=origin,
            limiter=Limiter(state_dir, key, limits),
            breakers=breakers,
            flood=Breaker(state_dir, key, "any request", 1, rate_limit_seconds),
            config=config,
            read_timeout=max(_READ_TIMEOUT, config.read_timeout),
        )
        self._data: Any = None
        self._opening = threading.Lock()

    @property
    def sent(self) -> int:
        """Requests sent so far, for cookies and crumbs included."""
        return self._door.sent

    def chart(
        self, symbol: str, since: dt.date | None, *, capability: Capability, on_attempt: OnAttempt | None
    ) -> Mapping[str, Any]:
        """Daily bars and events of `symbol` from `since` (None: the last session) through now: the answer's one result.

        Unavailable for anything else, "may be delisted" included: that is no evidence of a delisting.
        """
        window: dict[str, Any] = {"range": "1d"}
        if since is not None:
            window = {"period1": _seconds(since), "period2": _THROUGH_NOW}
        params = {**window, "interval": "1d", "includePrePost": "false", "events": "div,splits,capitalGains"}
        url = f"{_QUERY2}/v8/finance/chart/{url_quote(symbol, safe='^=')}"
        result = self._ask("GET", url, "chart", capability, on_attempt, partial(_get, url=url, params=params))
        return _mapping(_only(result), symbol)

    def screen(
        self, query: Mapping[str, Any], offset: int, *, capability: Capability, on_attempt: OnAttempt | None
    ) -> Mapping[str, Any]:
        """One page of shares by market value, largest first: `start`, `count`, `total`, `quotes`."""
        url = f"{_QUERY1}/v1/finance/screener"
        body = {
            "offset": offset,
            "size": PAGE,
            "sortField": "intradaymarketcap",
            "sortType": "DESC",
            "userId": "",
            "userIdType": "guid",
            "quoteType": "EQUITY",
            "query": query,
        }
        params = {"corsDomain": "finance.yahoo.com", "formatted": "false", "lang": "en-US", "region": "US"}
        content = json.dumps(body, separators=(",", ":"))
        question = partial(_post, url=url, params=params, content=content)
        return _mapping(_only(self._ask("POST", url, "finance", capability, on_attempt, question)), "the screener")

    def quotes(self, symbols: Sequence[str], *, capability: Capability, on_attempt: OnAttempt | None) -> list[Any]:
        """Quotes of up to `QUOTES` symbols; unknown ones are left out."""
        url = f"{_QUERY1}/v7/finance/quote"
        params = {"symbols": ",".join(symbols), "formatted": "false", "lang": "en-US", "region": "US"}
        question = partial(_get, url=url, params=params)
        found = self._ask("GET", url, "quoteResponse", capability, on_attempt, question)
        return found if isinstance(found, list) else []

    def close(self) -> None:
        """Release connections."""
        with self._opening:
            data, self._data = self._data, None
        if data is not None:
            data._session.close()

    def _ask(
        self,
        method: str,
        url: str,
        root: str,
        capability: Capability,
        on_attempt: OnAttempt | None,
        question: Callable[[Any], object],
    ) -> Any:
        """The `result` under `root` of a good answer; Unavailable after the last attempt, with what happened to each."""
        asked = Asked(PROVIDER, method, url, capability, None, None, None, None, None)
        course = Course(asked, self._config, _ATTEMPTS)
        call = Call(capability, course, partial(_result, root=root), on_attempt)
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, Transient) and not isinstance(error, RateLimited)),
            wait=course.pause,
            stop=course.over,
            sleep=course.sleep,
            before_sleep=lambda _: caches.forget(self._opened()),
            reraise=True,
        )
        try:
            return retrying(self._once, call, question)
        except RateLimited as error:
            raise self._door.refusal(course) from error
        except Transient as error:
            raise course.unavailable() from error
        except Terminal as error:
            raise Unavailable(str(error)) from error

    def _once(self, call: Call, question: Callable[[Any], object]) -> Any:
        """One question to the library."""
        from peewee import PeeweeException
        from yfinance.exceptions import YFException  # type: ignore[import-untyped]

        data = self._opened()
        call.body, call.stale = None, 0
        with self._door.calling(call):
            try:
                question(data)
            except (YFException, PeeweeException, OSError, LookupError, TypeError) as error:
                # Its handling of consent pages and kept cookies takes their layout for granted. Defects of ours, which look
                # the same, come out of `calling`.
                failure = Transient(f"{call.course.asked}: yfinance gave up ({type(error).__name__})")
                call.course.note(failure)
                raise failure from error
        if call.body is None:
            failure = Transient(f"{call.course.asked}: no answer that can be read")
            call.course.note(failure)
            raise failure
        return call.body

    def _opened(self) -> Any:
        """yfinance's data object on our session."""
        with self._opening:
            if self._data is None:
                # It tells of every failure itself, on the terminal; ours are told by us.
                logging.getLogger("yfinance").setLevel(logging.CRITICAL)
                caches.settle(self._state_dir)
                self._data = caches.data(guarded_session(self._door))
            return self._data


_wires: dict[tuple[object, ...], tuple[Wire, int]] = {}
_wires_lock = threading.Lock()


class Lease:
    """A region's share in the process's wire: one cookie, one crumb and one set of connections for all regions."""

    def __init__(self, config: RegionConfig, *, origin: str | None, state_dir: Path, limits: Sequence[Limit]) -> None:
        transport = config.transport
        seconds = config.providers[PROVIDER].rate_limit_seconds or transport.breaker_seconds
        self._key = (origin, state_dir, tuple(limits), transport, seconds)
        self._ended = False
        with _wires_lock:
            found, users = _wires.get(self._key, (None, 0))
            self.wire = found or Wire(
                origin=origin,
                state_dir=state_dir,
                limits=limits,
                config=transport,
                breaker=(transport.breaker_failures, transport.breaker_seconds),
                rate_limit_seconds=seconds,
            )
            _wires[self._key] = (self.wire, users + 1)

    def end(self) -> None:
        """Give the share back; the last one closes the wire."""
        with _wires_lock:
            if self._ended:
                return
            self._ended = True
            wire, users = _wires.pop(self._key)
            if users > 1:
                _wires[self._key] = (wire, users - 1)
                return
        wire.close()


def _get(data: Any, *, url: str, params: Mapping[str, Any]) -> object:
    return data.get(url, params=dict(params))


def _post(data: Any, *, url: str, params: Mapping[str, Any], content: str) -> object:
    return data.post(url, params=dict(params), data=content)


def _result(reply: Reply, *, root: str) -> Any:
    """The `result` of an answer, its decimals as printed; Terminal with Yahoo's own words where it refuses."""
    try:
        body = numbers.parse(reply.content)
        head = body[root]
        error, result = head.get("error"), head.get("result")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        if reply.status_code >= 400:
            raise Terminal(f"HTTP {reply.status_code}") from None
        raise Transient(f"HTTP {reply.status_code} with {len(reply.content)} bytes that are no answer of Yahoo's") from None
    if error:
        words = error.get("description") or error.get("code") if isinstance(error, dict) else error
        raise Terminal(f"HTTP {reply.status_code}: {words}")
    if reply.status_code >= 400:
        raise Terminal(f"HTTP {reply.status_code}")
    return result if result is not None else []


def _only(result: Any) -> Any:
    return result[0] if isinstance(result, list) and result else None


def _mapping(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise Unavailable(f"{PROVIDER}: the answer about {what} is empty")
    return found


def _seconds(day: dt.date) -> int:
    return int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp())
