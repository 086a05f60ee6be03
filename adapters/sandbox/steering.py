"""The sandbox's own routes, beside the providers' wires.

    GET  /_sandbox/info      {"now", "frozen", "enforce", "source"}
    GET  /_sandbox/clock     {"now", "frozen"}
    POST /_sandbox/clock     {"now": "2026-11-20T21:00:00+09:00"} freezes it there; {"now": null} lets it run again
    GET  /_sandbox/limits    the limits
    POST /_sandbox/limits    {"enforce": true, "per_second": 18, "paper_per_second": 1, "per_minute": 1000,
                             "yahoo_per_second": 2}, any of them
    GET  /_sandbox/faults    what is set and how often it fired
    POST /_sandbox/faults    one fault (kinds in faults.py, "provider" is kis or yahoo); answers all that are set
    DELETE /_sandbox/faults  everything works again
    GET  /_sandbox/report    KIS's counts, Yahoo's under "yahoo"; with ?detail=1 every data request
    DELETE /_sandbox/report  counts begin anew

A body that can't be taken is answered 400 {"error": what is wrong}. These routes are never counted, limited or broken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.faults import Faults
from adapters.sandbox.ledger import Ledger
from adapters.sandbox.wire import Request, Response, json_response
from pipeline.errors import UsageError

PREFIX = "/_sandbox/"
#: Whom a fault is about that names nobody.
_USUAL = "kis"
#: What Yahoo's part of the report leaves out: it has neither keys nor tokens, and its limit stands with the others.
_LEFT_OUT = ("by_key", "largest_by_key", "tokens", "limits")


class Steering:
    """Answers /_sandbox/*; `faults` by provider (kis, yahoo), `ledger` KIS's, `yahoo` Yahoo's."""

    def __init__(self, clock: SandboxClock, ledger: Ledger, yahoo: Ledger, faults: Mapping[str, Faults], source: str) -> None:
        self._clock = clock
        self._ledger = ledger
        self._yahoo = yahoo
        self._faults = faults
        self._source = source
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "info"): self._info,
            ("GET", "clock"): self._time,
            ("POST", "clock"): self._set_clock,
            ("GET", "limits"): self._limits,
            ("POST", "limits"): self._set_limits,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "report"): self._report,
            ("DELETE", "report"): self._clear_report,
        }

    def answer(self, request: Request) -> Response:
        """The answer to one request under /_sandbox/."""
        try:
            return self._route(request)
        except UsageError as error:
            return json_response({"error": str(error)}, 400)

    def _route(self, request: Request) -> Response:
        name = request.path.removeprefix(PREFIX)
        route = self._routes.get((request.method, name))
        if route is None:
            known = ", ".join(f"{method} {path}" for method, path in self._routes)
            return json_response({"error": f"{request.method} {name}: no such route; there are {known}"}, 404)
        return json_response(route(request))

    def _info(self, request: Request) -> dict[str, Any]:
        return {**self._time(request), "enforce": self._ledger.limits.enforce, "source": self._source}

    def _time(self, request: Request) -> dict[str, Any]:
        return {"now": self._clock.now().isoformat(), "frozen": self._clock.frozen}

    def _set_clock(self, request: Request) -> dict[str, Any]:
        self._clock.set(_instant(_body(request)))
        return self._time(request)

    def _limits(self, request: Request) -> dict[str, Any]:
        return {**self._ledger.limits.__dict__, "yahoo_per_second": self._yahoo.limits.per_second}

    def _set_limits(self, request: Request) -> dict[str, Any]:
        wanted = _body(request)
        yahoo = {"per_second": wanted.pop("yahoo_per_second")} if "yahoo_per_second" in wanted else {}
        limits = self._ledger.limits.changed(**wanted)
        self._yahoo.limits = self._yahoo.limits.changed(enforce=limits.enforce, **yahoo)
        self._ledger.limits = limits
        return self._limits(request)

    def _list_faults(self, request: Request) -> list[dict[str, Any]]:
        return [{"provider": name, **fault} for name, faults in self._faults.items() for fault in faults.listed()]

    def _add_fault(self, request: Request) -> list[dict[str, Any]]:
        wanted = _body(request)
        provider = wanted.pop("provider", _USUAL)
        if not isinstance(provider, str) or provider not in self._faults:
            raise UsageError(f"fault: unknown provider {provider!r}; there are {', '.join(self._faults)}")
        self._faults[provider].add(wanted)
        return self._list_faults(request)

    def _clear_faults(self, request: Request) -> list[dict[str, Any]]:
        for faults in self._faults.values():
            faults.clear()
        return []

    def _report(self, request: Request) -> dict[str, Any]:
        detail = request.query.get("detail", "0") not in ("", "0")
        yahoo = self._yahoo.report(detail=detail)
        counted = {name: value for name, value in yahoo.items() if name not in _LEFT_OUT}
        counted["violations"] = yahoo["violations"]["per_second"]
        return {**self._ledger.report(detail=detail), "yahoo": counted}

    def _clear_report(self, request: Request) -> dict[str, Any]:
        self._ledger.clear()
        self._yahoo.clear()
        return self._report(request)


def _body(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UsageError(f"{request.method} {request.path}: the body must be a JSON object, not {request.body[:60]!r}")
    return body


def _instant(body: dict[str, Any]) -> datetime | None:
    text = body.get("now")
    if text is None and "now" in body:
        return None
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        raise UsageError(f'clock: now = {text!r}; write it like "2026-11-20T21:00:00+09:00", or null') from None
