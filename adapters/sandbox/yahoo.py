"""Yahoo's hosts, all of them: cookies, crumbs and consent, charts, quotes and the screener, over the sandbox's markets.

A client keeps Yahoo's paths and puts the sandbox in the place of its hosts (fc, guce, consent, query1 and query2
.yahoo.com). Yahoo knows no keys: every request counts, whoever it comes from, and over the limit (2 in one second: a
number of the sandbox, Yahoo tells none) the answer is 429. Charts and time series need no crumb, the other calls do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.ledger import Arrival, Ledger
from adapters.sandbox.market import Market
from adapters.sandbox.wire import Request, Response
from adapters.sandbox.yahoo_chart import Refused, chart
from adapters.sandbox.yahoo_cookies import CRUMB, PAGES, Cookies, unauthorized
from adapters.sandbox.yahoo_faults import DELISTED, ENVELOPES, broken, refused, told, too_many
from adapters.sandbox.yahoo_quotes import quote, share_counts, summary
from adapters.sandbox.yahoo_screener import Screener, region_of
from adapters.sandbox.yahoo_series import newest
from adapters.sandbox.yahoo_symbols import Directory, Subject
from pipeline.errors import CalendarUnknown

_CALLS = {
    "/v8/finance/chart/": "chart",
    "/v1/finance/screener": "screener",
    "/v7/finance/quote": "quote",
    "/v10/finance/quoteSummary/": "quoteSummary",
    "/ws/fundamentals-timeseries/v1/finance/timeseries/": "timeseries",
}
_WITH_CRUMB = ("screener", "quote", "quoteSummary")
#: Symbols a quote request may name; more are cut off.
_MOST_SYMBOLS = 100
_KINDS = (
    "rate_limit", "http_500", "http_403", "silence", "slow", "cut", "bad_json", "empty_body", "dead", "crumb_expired",
    "delisted", "empty", "nulls", "stale", "times_100", "repeat", "wrong_ticker",
)  # fmt: skip
#: Kinds that only these calls can have.
_ONLY = {
    "crumb_expired": _WITH_CRUMB,
    "delisted": ("chart", "quoteSummary"),
    "empty": ("chart", "screener", "quote"),
    "nulls": ("chart",),
    "stale": ("chart", "screener", "quote"),
    "times_100": ("chart", "screener", "quote"),
    "repeat": ("chart",),
    "wrong_ticker": ("chart", "quote"),
}
#: Who asked, for a ledger that counts by key: Yahoo sees an address.
_CLIENT = "yahoo"


def is_yahoo(path: str) -> bool:
    """Whether a path is one of Yahoo's."""
    return path == CRUMB or path in PAGES or _call_of(path) != ""


class YahooHost:
    """Answers every request to a path of Yahoo's, broken as `faults` says; safe for many threads."""

    def __init__(self, markets: Mapping[str, Market], clock: SandboxClock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._cookies = Cookies()
        self._directory = Directory(markets)
        self._screener = Screener(self._directory)
        self.faults = Faults(tuple(ENVELOPES), ("cookie", "crumb", "consent"), kinds=_KINDS, only=_ONLY)

    def answer(self, request: Request) -> Response:
        """The answer to one request, entered in the ledger from its arrival on."""
        call = _call_of(request.path)
        name = call or ("crumb" if request.path == CRUMB else PAGES[request.path])
        path = request.path.rpartition("/")[0] + "/" if call and request.path not in _CALLS else request.path
        arrival, over = self._ledger.arrive(_CLIENT, name, path, request.accepted, paper=False)
        subject = _subject(request, call)
        fault = self.faults.take(name, data=bool(call), code=subject)

        def serve() -> Response:
            if over:
                return too_many()
            if call:
                return self._call(request, call, subject, arrival, fault)
            return self._cookies.crumb(request) if name == "crumb" else self._cookies.page(request)

        response = (broken(fault, name, serve) if fault else None) or serve()
        self._ledger.finish(arrival, response.status if response.fate in ("send", "slow") else None)
        return response

    def _call(self, request: Request, call: str, subject: str, arrival: Arrival, fault: Fault | None) -> Response:
        """A data call that was not too fast."""
        arrival.code = subject
        arrival.start = request.query.get("period1", "") or request.query.get("range", "")
        arrival.until = request.query.get("period2", "")
        kind = fault.kind if fault is not None else ""
        if kind == "crumb_expired":
            self._cookies.expire(request)
        if request.method != ("POST" if call == "screener" else "GET"):
            return refused(call, 405, "Method Not Allowed", f"HTTP method not allowed: {request.method}")
        if call in _WITH_CRUMB and not self._cookies.admits(request):
            return unauthorized("Invalid Crumb")
        answers: dict[str, Callable[[Request, str, str], tuple[Any, int]]] = {
            "chart": self._chart,
            "screener": self._screen,
            "quote": self._quote,
            "quoteSummary": self._summary,
            "timeseries": self._timeseries,
        }
        try:
            result, arrival.served_rows = answers[call](request, subject, kind)
        except Refused as refusal:
            return refused(call, refusal.status, refusal.code, refusal.description)
        except CalendarUnknown as error:  # a clock before the calendar: Yahoo's own 500
            return refused(call, 500, "internal-error", str(error))
        return told(call, result)

    def _chart(self, request: Request, symbol: str, kind: str) -> tuple[Any, int]:
        subject = self._find(symbol, kind)
        if subject is None or not newest(subject, self._clock.now(), 1):
            raise Refused(404, "Not Found", DELISTED)
        result, rows = chart(subject, request.query, self._clock.now(), kind)
        return [result], rows

    def _screen(self, request: Request, subject: str, kind: str) -> tuple[Any, int]:
        try:
            body = request.json()
        except ValueError:
            raise Refused(400, "Bad Request", "Invalid input - the body is no JSON") from None
        result, rows = self._screener.page(body, self._clock.now(), kind)
        return [result], rows

    def _quote(self, request: Request, symbols: str, kind: str) -> tuple[Any, int]:
        found = []
        for symbol in symbols.split(",")[:_MOST_SYMBOLS]:
            subject = self._find(symbol, kind) if kind != "empty" else None
            quoted = quote(subject, self._clock.now(), kind) if subject is not None else None
            found += [quoted] if quoted is not None else []
        return found, len(found)

    def _summary(self, request: Request, symbol: str, kind: str) -> tuple[Any, int]:
        subject = self._find(symbol, kind)
        if subject is None:
            raise Refused(404, "Not Found", f"Quote not found for symbol: {symbol}")
        return [summary(subject, request.query.get("modules", ""), self._clock.now())], 1

    def _timeseries(self, request: Request, symbol: str, kind: str) -> tuple[Any, int]:
        subject = self._find(symbol, kind)
        return [share_counts(subject, self._clock.now())] if subject is not None else [{"meta": {"symbol": [symbol]}}], 1

    def _find(self, symbol: str, kind: str) -> Subject | None:
        """What the symbol stands for; another listing of its venue for the fault `wrong_ticker`."""
        now = self._clock.now()
        subject = self._directory.find(symbol, now)
        if kind != "wrong_ticker" or subject is None:
            return subject
        others = (other for other in self._directory.listed(now) if other.symbol != symbol)
        return next((other for other in others if other.exchange == subject.exchange), subject)


def _call_of(path: str) -> str:
    """The data call a path belongs to; "" for none."""
    for start, call in _CALLS.items():
        if path == start or (start.endswith("/") and path.startswith(start) and "/" not in path[len(start) :]):
            return call
    return ""


def _subject(request: Request, call: str) -> str:
    """What a call is about: a symbol, the symbols of a quote, the first region key of a screen."""
    if call == "screener":
        try:
            return region_of(request.json())
        except ValueError:
            return ""
    text = request.query.get("symbols", "") if call == "quote" else unquote(request.path.rpartition("/")[2]) if call else ""
    return text.strip().upper()
