"""KIS's token host: POST /oauth2/tokenP, /oauth2/revokeP and /oauth2/Approval, JSON in and out (kis.md section 2).

Errors are HTTP 403 {"error_description", "error_code"}: other names than those of data calls.
"""

from __future__ import annotations

import secrets
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.tokens import LIFE, TokenDesk
from adapters.sandbox.wire import Request, Response, json_response

KEY_LENGTH, SECRET_LENGTH = 36, 180
PATHS = ("/oauth2/tokenP", "/oauth2/revokeP", "/oauth2/Approval")


class _Refusal(Exception):
    """An error answer of the token host."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.body = {"error_description": text, "error_code": code}


class Oauth:
    """Issues and revokes tokens; the real and the paper host have a desk of their own."""

    def __init__(self, clock: SandboxClock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._desks = {False: TokenDesk(clock), True: TokenDesk(clock)}

    def desk(self, *, paper: bool) -> TokenDesk:
        """The tokens of one host."""
        return self._desks[paper]

    def answer(self, request: Request, *, paper_port: bool) -> Response:
        """The answer to a request on one of `PATHS`."""
        try:
            return json_response(self._serve(request, paper_port))
        except _Refusal as refusal:
            return json_response(refusal.body, 403)

    def _serve(self, request: Request, paper_port: bool) -> dict[str, Any]:
        call = request.path.rpartition("/")[2]
        body = _body(request)
        app_key = str(body.get("appkey", ""))
        secret = str(body.get("secretkey" if call == "Approval" else "appsecret", ""))
        if call != "revokeP" and body.get("grant_type") != "client_credentials":
            raise _Refusal("EGW00112", "유효하지 않은 grant_type입니다.")
        if not acceptable(app_key):
            raise _Refusal("EGW00103", "유효하지 않은 AppKey입니다.")
        if len(secret) != SECRET_LENGTH:
            raise _Refusal("EGW00105", "유효하지 않은 AppSecret입니다.")
        if call == "Approval":
            return {"approval_key": secrets.token_hex(32)}
        desk = self._desks[paper_port or is_paper(app_key)]
        if call == "revokeP":
            if not desk.revoke(str(body.get("token", "")), app_key):
                raise _Refusal("EGW00121", "유효하지 않은 token 입니다.")
            return {"code": 200, "message": "접근토큰 폐기에 성공하였습니다"}
        return self._token(desk, app_key)

    def _token(self, desk: TokenDesk, app_key: str) -> dict[str, Any]:
        token, outcome = desk.ask(app_key, enforce=self._ledger.limits.enforce)
        self._ledger.note_token(outcome)
        if token is None:
            raise _Refusal("EGW00133", "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)")
        return {
            "access_token": token.text,
            "access_token_token_expired": token.expires_kst(),
            "token_type": "Bearer",
            "expires_in": int((token.issued + LIFE - self._clock.now()).total_seconds()),
        }


def acceptable(app_key: str) -> bool:
    """Whether the sandbox takes an app key: 36 characters, and not one that plays the wrong key (`BAD…`)."""
    return len(app_key) == KEY_LENGTH and not app_key.startswith("BAD")


def is_paper(app_key: str) -> bool:
    """Whether a key belongs to the paper host whatever port it is used on."""
    return app_key.startswith("PAPER")


def _body(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        body = None
    if request.method != "POST" or not isinstance(body, dict):
        raise _Refusal("EGW00101", "잘못된 요청입니다.")
    return body
