"""KIS's host: tokens, hash keys, master files and the gates every data call passes.

Two hosts share one market: the real one, and the paper one (its own port, or keys that start with `PAPER`), which
lacks the real-only calls (EGW02006) and has its own limit and tokens. Any 36-character key with any 180-character
secret is accepted, except keys that start with `BAD`. Gates in order: faults, limit, path and TR id, keys, token,
paper, parameters.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.kis_calls import KST, Quote, Refusal
from adapters.sandbox.kis_faults import bent, broken, gateway_error, too_fast
from adapters.sandbox.kis_listings import Listings
from adapters.sandbox.kis_master import FILES, Entry, master_zip
from adapters.sandbox.kis_oauth import PATHS, SECRET_LENGTH, Oauth, acceptable, is_paper
from adapters.sandbox.kis_quotes import Quotations
from adapters.sandbox.ledger import Arrival, Ledger
from adapters.sandbox.market import Market
from adapters.sandbox.wire import Request, Response, json_response
from pipeline.calendars import calendar

_PREFIX = "/uapi/domestic-stock/v1/quotations/"
#: A call of `Quotations` or `Listings`.
Call = Callable[[Mapping[str, str], datetime], Quote]


class KisHost:
    """Answers every request that is not the sandbox's own; safe for many threads."""

    def __init__(self, market: Market, clock: SandboxClock, ledger: Ledger, faults: Faults) -> None:
        self._market = market
        self._clock = clock
        self._ledger = ledger
        self._faults = faults
        self._oauth = Oauth(clock, ledger)
        quotes, listings = Quotations(market), Listings(market)
        #: TR id -> path under quotations, whether the paper host has it, what answers it.
        self._calls: dict[str, tuple[str, bool, Call]] = {
            "FHKST03010100": ("inquire-daily-itemchartprice", True, quotes.daily_chart),
            "FHKST01010400": ("inquire-daily-price", True, quotes.recent_days),
            "FHKST01010100": ("inquire-price", True, quotes.price),
            "FHKUP03500100": ("inquire-daily-indexchartprice", True, quotes.index_chart),
            "CTPF1002R": ("search-stock-info", False, listings.stock_info),
            "CTPF1604R": ("search-info", False, listings.product_info),
            "CTCA0903R": ("chk-holiday", False, listings.holidays),
        }
        self._paths = {_PREFIX + path for path, _, _ in self._calls.values()}
        self._masters: dict[tuple[str, str], bytes] = {}
        self._master_lock = threading.Lock()

    def answer(self, request: Request, *, paper_port: bool) -> Response:
        """The answer to one request that came in on the real or the paper port."""
        file_name = request.path.rpartition("/")[2]
        if file_name in FILES:
            return self._plain(request, "master", lambda: self._master(file_name))
        if request.path in PATHS:
            tr = request.path.rpartition("/")[2]
            return self._plain(request, tr, lambda: self._oauth.answer(request, paper_port=paper_port))
        if request.path.startswith("/uapi/"):
            return self._data(request, paper_port)
        self._ledger.note(request.path)
        return gateway_error(404, "EGW00203", "존재하지 않는 경로입니다.")

    def _plain(self, request: Request, tr: str, serve: Callable[[], Response]) -> Response:
        """A request outside the data limit: tokens and master files."""
        self._ledger.note(request.path)
        fault = self._faults.take(tr, data=False)
        failure = broken(fault, serve) if fault else None
        return failure or serve()

    def _data(self, request: Request, paper_port: bool) -> Response:
        """A data call through all gates, entered in the ledger from its arrival to its answer."""
        app_key = request.headers.get("appkey", "")
        paper = paper_port or is_paper(app_key)
        tr = "hashkey" if request.path == "/uapi/hashkey" else request.headers.get("tr_id", "")
        arrival, refused = self._ledger.arrive(app_key, tr or "none", request.path, request.accepted, paper=paper)
        fault = self._faults.take(tr, data=True)

        def serve() -> Response:
            if refused:
                return too_fast()
            try:
                if tr == "hashkey":
                    return _hash_key(request)
                return self._quote(request, arrival, tr, paper, fault)
            except Refusal as refusal:
                return _respond(refusal.body, tr, refusal.status)

        if fault is not None and fault.kind == "token_expired":
            self._oauth.desk(paper=paper).age(_bearer(request))
        response = (broken(fault, serve) if fault else None) or serve()
        self._ledger.finish(arrival, response.status if response.fate == "send" else None)
        return response

    def _quote(self, request: Request, arrival: Arrival, tr: str, paper: bool, fault: Fault | None) -> Response:
        on_paper, call = self._route(request, tr)
        self._check_keys(request, paper)
        if paper and not on_paper:
            raise Refusal(500, "EGW02006", "모의투자 TR 이 아닙니다.")
        params = {name.upper(): value for name, value in request.query.items()}
        arrival.code = params.get("FID_INPUT_ISCD") or params.get("PDNO", "")
        arrival.start, arrival.until = params.get("FID_INPUT_DATE_1", ""), params.get("FID_INPUT_DATE_2", "")
        now = self._clock.now()
        if fault is not None and fault.kind == "wrong_ticker" and arrival.code:
            field = "FID_INPUT_ISCD" if "FID_INPUT_ISCD" in params else "PDNO"
            params[field] = self._another(arrival.code, now)
        if fault is not None and fault.kind == "stale":
            now = _session_before(now)
        quote = call(params, now)
        body = bent(quote.body, fault.kind) if fault is not None else quote.body
        arrival.served_rows = 0 if fault is not None and fault.kind == "empty" else quote.rows
        return _respond({**body, "rt_cd": "0", "msg_cd": quote.msg_cd, "msg1": quote.msg1}, tr)

    def _route(self, request: Request, tr: str) -> tuple[bool, Call]:
        if request.path not in self._paths:
            raise Refusal(404, "EGW00203", "존재하지 않는 경로입니다.")
        if tr not in self._calls or request.path != _PREFIX + self._calls[tr][0]:
            raise Refusal(500, "EGW00310", f"유효하지 않은 TR-ID 입니다. [{tr}]")
        if request.method != "GET":
            raise Refusal(500, "EGW00101", "잘못된 요청입니다.")
        _, on_paper, call = self._calls[tr]
        return on_paper, call

    def _check_keys(self, request: Request, paper: bool) -> None:
        app_key, app_secret = request.headers.get("appkey", ""), request.headers.get("appsecret", "")
        if not app_key:
            raise Refusal(500, "EGW00102", "AppKey는 필수입니다.")
        if not app_secret:
            raise Refusal(500, "EGW00104", "AppSecret은 필수입니다.")
        if not acceptable(app_key):
            raise Refusal(500, "EGW00103", "유효하지 않은 AppKey입니다.")
        if len(app_secret) != SECRET_LENGTH:
            raise Refusal(500, "EGW00304", "유효하지 않은 AppSecret입니다.")
        state = self._oauth.desk(paper=paper).judge(_bearer(request), app_key)
        if state == "unknown":
            raise Refusal(500, "EGW00121", "유효하지 않은 token 입니다.")
        if state == "expired":
            raise Refusal(500, "EGW00123", "기간이 만료된 token 입니다.")

    def _master(self, file_name: str) -> Response:
        """A master file with the prices of the last closed session; the newest one of each venue is kept."""
        now = self._clock.now()
        today = now.astimezone(KST).date()
        as_of = _last_close(now)
        stamp = f"{today}:{as_of:%Y%m%d}"
        with self._master_lock:
            body = self._masters.get((file_name, stamp))
            if body is None:
                entries = [
                    Entry(
                        name,
                        *self._market.reference(name.code, as_of),
                        share_count(name, self._market.steps(name.code, now)),
                        halted,
                    )
                    for name in self._market.names(now)
                    if name.venue == FILES[file_name]
                    for halted in (self._market.halted(name.code, today),)
                ]
                body = master_zip(file_name, entries, today)
                self._masters = {key: kept for key, kept in self._masters.items() if key[1] == stamp}
                self._masters[file_name, stamp] = body
        return Response(200, body, content_type="application/x-zip-compressed")

    def _another(self, code: str, now: datetime) -> str:
        """Any listed code but this one."""
        if code != "005930" and self._market.find("005930"):
            return "005930"
        return next((name.code for name in self._market.names(now) if name.code != code), code)


def _session_before(now: datetime) -> datetime:
    """The close of the session before the newest one that is visible."""
    venue = calendar("XKRX")
    today = now.astimezone(KST).date()
    newest = today if venue.is_session(today) else venue.previous_session(today)
    if now < venue.session(newest).open:
        newest = venue.previous_session(newest)
    return venue.session(venue.previous_session(newest)).close


def _last_close(now: datetime) -> datetime:
    """The close of the last session that is over."""
    venue = calendar("XKRX")
    today = now.astimezone(KST).date()
    if venue.is_session(today) and venue.session(today).close <= now:
        return venue.session(today).close
    return venue.session(venue.previous_session(today)).close


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


def _hash_key(request: Request) -> Response:
    try:
        body = request.json()
    except ValueError:
        raise Refusal(500, "EGW00131", "유효하지 않은 hashkey 요청입니다.") from None
    digest = hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return json_response({"BODY": body, "HASH": digest})


def _respond(body: dict[str, Any], tr: str, status: int = 200) -> Response:
    return json_response(body, status, {"tr_id": tr, "tr_cont": "", "gt_uid": secrets.token_hex(16)})
