"""KIS's host: tokens, hash keys, master files and the gates every data call passes.

Two hosts share the markets: the real one, and the paper one (its own port, or keys that start with `PAPER`), which
lacks the real-only calls (EGW02006) and has its own limit and tokens. Any 36-character key with any 180-character
secret is accepted, except keys that start with `BAD`. Gates in order: faults, limit, path and TR id, keys, token,
paper, parameters.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.faults import Fault, Faults
from adapters.sandbox.kis_calls import CONT, Refusal
from adapters.sandbox.kis_exchanges import REGIONS
from adapters.sandbox.kis_faults import bent, broken, gateway_error, too_fast
from adapters.sandbox.kis_files import FILES, Files
from adapters.sandbox.kis_markets import Absent, Repeating
from adapters.sandbox.kis_oauth import PATHS, SECRET_LENGTH, Oauth, acceptable, is_paper
from adapters.sandbox.kis_routes import Route, routes
from adapters.sandbox.ledger import Arrival, Ledger
from adapters.sandbox.market import Market
from adapters.sandbox.sessions import close_before
from adapters.sandbox.wire import Request, Response, json_response

#: The parameters that say what a request is about, in this order.
_SUBJECTS = ("FID_INPUT_ISCD", "SYMB", "PDNO", "EXCD")


class KisHost:
    """Answers KIS's part of the sandbox's requests, broken as `faults` says; safe for many threads.

    Of `markets` it serves those whose region KIS has (`kis_exchanges.REGIONS`).
    """

    def __init__(self, markets: Mapping[str, Market], clock: SandboxClock, ledger: Ledger) -> None:
        self._markets = {region: markets.get(region) or Absent(region) for region in REGIONS}
        self._clock = clock
        self._ledger = ledger
        self._oauth = Oauth(clock, ledger)
        self._files = Files(self._markets)
        self._routes = routes(self._markets)
        #: The same calls over markets whose newest session repeats the one before it (the fault `repeat`).
        self._repeated = routes(
            {region: market if isinstance(market, Absent) else Repeating(market) for region, market in self._markets.items()}
        )
        self._paths = {route.path for route in self._routes.values()}
        self.faults = Faults(calls=tuple(self._routes), others=("hashkey", *map(_last_part, PATHS), "master"))

    def answer(self, request: Request, *, paper_port: bool) -> Response:
        """The answer to one request that came in on the real or the paper port."""
        file_name = _last_part(request.path)
        if file_name in FILES:
            return self._plain(request, "master", lambda: self._archive(file_name))
        if request.path in PATHS:
            tr = _last_part(request.path)
            return self._plain(request, tr, lambda: self._oauth.answer(request, paper_port=paper_port))
        if request.path.startswith("/uapi/"):
            return self._data(request, paper_port)
        self._ledger.note(request.path)
        return gateway_error(404, "EGW00203", "존재하지 않는 경로입니다.")

    def _plain(self, request: Request, tr: str, serve: Callable[[], Response]) -> Response:
        """A request outside the data limit: tokens and master files."""
        self._ledger.note(request.path)
        fault = self.faults.take(tr, data=False)
        failure = broken(fault, serve) if fault else None
        return failure or serve()

    def _data(self, request: Request, paper_port: bool) -> Response:
        """A data call through all gates, entered in the ledger from its arrival to its answer."""
        app_key = request.headers.get("appkey", "")
        paper = paper_port or is_paper(app_key)
        tr = "hashkey" if request.path == "/uapi/hashkey" else request.headers.get("tr_id", "")
        params = {name.upper(): value for name, value in request.query.items()}
        params[CONT] = request.headers.get(CONT, "").strip()
        subject = next((value.strip() for name in _SUBJECTS if (value := params.get(name, "")).strip()), "")
        arrival, refused = self._ledger.arrive(app_key, tr or "none", request.path, request.accepted, paper=paper)
        fault = self.faults.take(tr, data=True, code=subject)

        def serve() -> Response:
            if refused:
                return too_fast()
            try:
                if tr == "hashkey":
                    return _hash_key(request)
                route = self._route(request, tr)
                self._check_keys(request, paper)
                if paper and not route.on_paper:
                    raise Refusal(500, "EGW02006", "모의투자 TR 이 아닙니다.")
                arrival.code = subject
                arrival.start = params.get("FID_INPUT_DATE_1", "")
                arrival.until = params.get("FID_INPUT_DATE_2") or params.get("BYMD", "")
                return self._quote(params, arrival, route, fault)
            except Refusal as refusal:
                return _respond(refusal.body, tr, refusal.status)

        if fault is not None and fault.kind == "token_expired":
            self._oauth.desk(paper=paper).age(_bearer(request))
        response = (broken(fault, serve) if fault else None) or serve()
        self._ledger.finish(arrival, response.status if response.fate == "send" else None)
        return response

    def _quote(self, params: dict[str, str], arrival: Arrival, route: Route, fault: Fault | None) -> Response:
        """The answer of a call that has passed the gates, bent where a fault says so."""
        now = self._clock.now()
        kind = fault.kind if fault is not None else ""
        if kind == "wrong_ticker" and route.another is not None and params.get(route.subject, "").strip():
            params[route.subject] = route.another(params, now)
        clock = route.clock(params)
        if kind == "stale" and clock is not None:
            now = close_before(clock, now)
        if kind == "repeat":
            route = self._repeated[arrival.tr]
        quote = route.call(params, now)
        arrival.served_rows = 0 if kind == "empty" else quote.rows
        body = {**bent(quote.body, kind), "rt_cd": "0", "msg_cd": quote.msg_cd, "msg1": quote.msg1}
        return _respond(body, arrival.tr, cont=quote.cont)

    def _route(self, request: Request, tr: str) -> Route:
        if request.path not in self._paths:
            raise Refusal(404, "EGW00203", "존재하지 않는 경로입니다.")
        if tr not in self._routes or request.path != self._routes[tr].path:
            raise Refusal(500, "EGW00310", f"유효하지 않은 TR-ID 입니다. [{tr}]")
        if request.method != "GET":
            raise Refusal(500, "EGW00101", "잘못된 요청입니다.")
        return self._routes[tr]

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

    def _archive(self, file_name: str) -> Response:
        body = self._files.archive(file_name, self._clock.now())
        return Response(200, body, content_type="application/x-zip-compressed")


def _last_part(path: str) -> str:
    return path.rpartition("/")[2]


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ").strip()


def _hash_key(request: Request) -> Response:
    try:
        body = request.json()
    except ValueError:
        raise Refusal(500, "EGW00131", "유효하지 않은 hashkey 요청입니다.") from None
    digest = hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return json_response({"BODY": body, "HASH": digest})


def _respond(body: dict[str, Any], tr: str, status: int = 200, cont: str = "") -> Response:
    return json_response(body, status, {"tr_id": tr, "tr_cont": cont, "gt_uid": secrets.token_hex(16)})
