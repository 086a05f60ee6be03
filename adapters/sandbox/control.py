"""The client's side of /_sandbox/*: standard library only, so that `--help` and the clock stay light."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.errors import Unavailable, UsageError

#: Keys any sandbox takes as a real account's; the paper ones open its paper host.
APP_KEY = "SANDBOX-".ljust(36, "0")
APP_SECRET = "SANDBOX-SECRET-".ljust(180, "0")
PAPER_APP_KEY = "PAPER-SANDBOX-".ljust(36, "0")
_TIMEOUT = 3.0
_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class SandboxInfo:
    """What a running sandbox says of itself; `now` is aware UTC, `enforce` says that limits are enforced."""

    now: datetime
    frozen: bool
    enforce: bool
    source: Literal["generated", "data"]


def fetch_info(url: str, timeout: float = _TIMEOUT) -> SandboxInfo:
    """Ask the sandbox at `url` for its time and mode; `Unavailable` in words when it does not answer as one."""
    body = _call("GET", url, "info", None, timeout)
    try:
        now = datetime.fromisoformat(body["now"]).astimezone(UTC)
        return SandboxInfo(now, bool(body["frozen"]), bool(body["enforce"]), body["source"])
    except (KeyError, TypeError, ValueError) as error:
        raise _not_one(url) from error


def set_clock(url: str, now: datetime | None) -> None:
    """Freeze the sandbox's clock at `now` (aware), or let it run with the wall clock (None)."""
    if now is not None and now.tzinfo is None:
        raise UsageError(f"sandbox clock: {now.isoformat()} has no timezone; give an aware time")
    _call("POST", url, "clock", {"now": None if now is None else now.isoformat()})


def set_limits(url: str, enforce: bool, **limits: int) -> None:
    """Enforce limits or not; `per_second`, `paper_per_second`, `per_minute`, `yahoo_per_second` change them."""
    _call("POST", url, "limits", {"enforce": enforce, **limits})


def set_fault(url: str, **fault: Any) -> None:
    """Break something: `kind` (see faults.py) with provider, count, seconds, after, tr, code, delay; else `UsageError`."""
    _call("POST", url, "faults", fault)


def clear_faults(url: str) -> None:
    """Let everything work again."""
    _call("DELETE", url, "faults", None)


def report(url: str, *, detail: bool = False) -> dict[str, Any]:
    """What was counted: requests by TR, path and key, largest counts in any 1 s and 60 s, violations, tokens; "yahoo" apart."""
    counted: dict[str, Any] = _call("GET", url, "report?detail=1" if detail else "report", None)
    return counted


def clear_report(url: str) -> None:
    """Begin all counts anew."""
    _call("DELETE", url, "report", None)


def _call(method: str, url: str, name: str, body: dict[str, Any] | None, timeout: float = _TIMEOUT) -> Any:
    data = None if body is None else json.dumps(body).encode()
    address = f"{url.rstrip('/')}/_sandbox/{name}"
    try:
        request = urllib.request.Request(address, data, _HEADERS, method=method)  # noqa: S310 (the sandbox's own address)
        # No proxy: the sandbox is on this machine, whatever the environment says about the outside.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode(errors="replace")
        if error.code == 400:
            raise UsageError(f"{address}: {text}") from error
        raise _not_one(url) from error
    except json.JSONDecodeError as error:
        raise _not_one(url) from error
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"no sandbox answers at {url!r} ({error}): start one with `spock sandbox --port PORT`, "
            "or unset SPOCK_SANDBOX_URL"
        ) from error


def _not_one(url: str) -> Unavailable:
    return Unavailable(f"what answers at {url!r} is no Spock sandbox: check SPOCK_SANDBOX_URL and the port")
