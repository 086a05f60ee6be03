"""Access tokens as KIS issues them (kis.md section 2).

Two rules meet at POST /oauth2/tokenP, and the one-a-minute rule wins: a request within 60 seconds of the last one
answered for the same app key gets HTTP 403 EGW00133, whatever token exists. After that minute and within six hours of
the issue the same token is answered again (200, not a new issue, and its minute starts anew); later a new one is
issued. The minute is counted by the machine's monotonic clock, as all rate limits are; six hours and the life of 24
hours by the sandbox's clock. Without enforced limits the minute rule is not applied.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from adapters.sandbox.clock import SandboxClock

LIFE = timedelta(hours=24)
SAME_FOR = timedelta(hours=6)
ONE_A_MINUTE = 60.0
_KST = ZoneInfo("Asia/Seoul")


@dataclass
class Token:
    """One access token of one app key on one host."""

    text: str
    app_key: str
    issued: datetime
    told: datetime
    revoked: bool = False

    def expires_kst(self) -> str:
        """The end of its life as the wire writes it: `YYYY-MM-DD HH:MM:SS` in Korean time.

        Clients hold it against their own clock: a sandbox whose clock stands in the past must not look expired to them, so
        it counts from the later of the two clocks. What the sandbox enforces is its own.
        """
        return (self.told + LIFE).astimezone(_KST).strftime("%Y-%m-%d %H:%M:%S")


class TokenDesk:
    """Issues and judges the tokens of one host (real or paper)."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, Token] = {}
        self._current: dict[str, Token] = {}
        self._answered: dict[str, float] = {}

    def ask(self, app_key: str, *, enforce: bool) -> tuple[Token | None, str]:
        """The token a request gets and what that was: `issued`, `repeated`, or None and `refused` (EGW00133)."""
        now, at = self._clock.now(), time.monotonic()
        with self._lock:
            if enforce and at - self._answered.get(app_key, at - ONE_A_MINUTE) < ONE_A_MINUTE:
                return None, "refused"
            self._answered[app_key] = at
            token = self._current.get(app_key)
            if token is not None and now - token.issued < SAME_FOR:
                return token, "repeated"
            token = Token(_text(), app_key, now, told=max(now, datetime.now(UTC)))
            self._tokens[token.text] = self._current[app_key] = token
            return token, "issued"

    def judge(self, text: str, app_key: str) -> str:
        """`ok`, `unknown` (EGW00121: never issued here, revoked, or another key's) or `expired` (EGW00123)."""
        with self._lock:
            token = self._tokens.get(text)
            if token is None or token.revoked or token.app_key != app_key:
                return "unknown"
            return "expired" if self._clock.now() - token.issued >= LIFE else "ok"

    def revoke(self, text: str, app_key: str) -> bool:
        """Revoke a token; it is still what the key gets within six hours of its issue, as at KIS."""
        with self._lock:
            token = self._tokens.get(text)
            if token is None or token.app_key != app_key:
                return False
            token.revoked = True
            return True

    def age(self, text: str) -> None:
        """Let 24 hours pass for one token: it is expired, and its key may ask for a new one at once."""
        with self._lock:
            token = self._tokens.get(text)
            if token is not None:
                token.issued = self._clock.now() - LIFE
                self._answered.pop(token.app_key, None)


def _text() -> str:
    """A token of the shape and about the length of a real one (a JWT of up to 350 characters)."""
    return ".".join(
        (f"eyJ0eXAiOiJKV1Qi{secrets.token_urlsafe(12)}", secrets.token_urlsafe(150), secrets.token_urlsafe(64))
    )
