"""Yahoo's cookies and crumbs: what a client needs before quotes and screens answer it.

A cookie `A3` comes from any page of fc.yahoo.com (answered 404) and from the last of the three consent pages, to a client
that has none; a crumb is told to its bearer alone and is good as long as the cookie. Only cookies that ran out are kept: a
crumb is made from its cookie. Cookies carry no domain, so that a client whose hosts are rewritten to the sandbox has them.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from http.cookies import CookieError, SimpleCookie

from adapters.sandbox.wire import Request, Response, json_response

PAGES = {"/": "cookie", "/consent": "consent", "/v2/collectConsent": "consent", "/copyConsent": "consent"}
CRUMB = "/v1/test/getcrumb"
_COOKIE = "A3"
_PREFIX = "d=AQABB"
_LENGTH = 11
_YEAR = 31_557_600
_FORM = """<!DOCTYPE html><html><body><form method="post" class="consent-form" action="/v2/collectConsent?sessionId={0}">
<input type="hidden" name="csrfToken" value="{1}"><input type="hidden" name="sessionId" value="{0}">
<input type="hidden" name="originalDoneUrl" value="https://finance.yahoo.com/">
<input type="hidden" name="namespace" value="yahoo">
<button type="submit" name="agree" value="agree">Accept all</button></form></body></html>"""


class Cookies:
    """Answers the pages above and judges crumbs; safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expired: set[str] = set()

    def page(self, request: Request) -> Response:
        """fc.yahoo.com or a consent page."""
        if request.path == "/":
            return _html("<html><body>Not Found</body></html>", 404, self._given(request))
        if request.path == "/copyConsent":
            return _html("<html><body>OK</body></html>", 200, self._given(request))
        consent = f"3_cc-session_{secrets.token_hex(8)}"
        return _html(_FORM.format(consent, secrets.token_hex(4)), 200, {})

    def crumb(self, request: Request) -> Response:
        """The crumb of the caller's cookie."""
        cookie = self._cookie(request)
        if cookie is None:
            return unauthorized("Invalid Cookie")
        return Response(200, crumb_of(cookie).encode(), content_type="text/plain;charset=utf-8")

    def admits(self, request: Request) -> bool:
        """Whether the request carries a cookie and its crumb."""
        cookie = self._cookie(request)
        return cookie is not None and request.query.get("crumb") == crumb_of(cookie)

    def expire(self, request: Request) -> None:
        """The caller's cookie is worth nothing from now on."""
        cookie = self._cookie(request)
        if cookie is not None:
            with self._lock:
                self._expired.add(cookie)

    def _given(self, request: Request) -> dict[str, str]:
        """The header that gives a client its cookie; none for one that has a good one."""
        return {} if self._cookie(request) is not None else _new_cookie()

    def _cookie(self, request: Request) -> str | None:
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(_COOKIE)
        except CookieError:
            return None
        if found is None or not found.value.startswith(_PREFIX):
            return None
        with self._lock:
            return None if found.value in self._expired else found.value


def crumb_of(cookie: str) -> str:
    """The crumb of a cookie: eleven characters."""
    digest = hashlib.sha256(cookie.encode()).digest()
    return base64.b64encode(digest, altchars=b"./").decode()[:_LENGTH]


def unauthorized(text: str) -> Response:
    """The answer to a request without a good cookie or crumb."""
    return json_response({"finance": {"result": None, "error": {"code": "Unauthorized", "description": text}}}, 401)


def _new_cookie() -> dict[str, str]:
    value = f"{_PREFIX}{secrets.token_hex(16)}"
    return {"Set-Cookie": f"{_COOKIE}={value}; Max-Age={_YEAR}; Path=/; SameSite=Lax; HttpOnly"}


def _html(text: str, status: int, headers: dict[str, str]) -> Response:
    return Response(status, text.encode(), headers, "text/html; charset=utf-8")
