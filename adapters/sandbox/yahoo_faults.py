"""What a fault makes of Yahoo's answers, and what Yahoo says when it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.sandbox.faults import Fault
from adapters.sandbox.wire import Response, json_response

#: Under which member each call's answers stand.
ENVELOPES = {
    "chart": "chart",
    "screener": "finance",
    "quote": "quoteResponse",
    "quoteSummary": "quoteSummary",
    "timeseries": "timeseries",
}
DELISTED = "No data found, symbol may be delisted"


def told(call: str, result: Any) -> Response:
    """A good answer."""
    return json_response({ENVELOPES[call]: {"result": result, "error": None}})


def refused(call: str, status: int, code: str, text: str) -> Response:
    """An answer that says why there is none."""
    return json_response({ENVELOPES[call]: {"result": None, "error": {"code": code, "description": text}}}, status)


def too_many() -> Response:
    """The answer over the limit: text, and no word of when to come back."""
    return Response(429, b"Too Many Requests\r\n", content_type="text/html; charset=utf-8")


def broken(fault: Fault, call: str, serve: Callable[[], Response]) -> Response | None:
    """The answer a fault puts in the place of `serve()`; None for the kinds that only bend its content."""
    envelope = call if call in ENVELOPES else "screener"
    answers: dict[str, Callable[[], Response]] = {
        "dead": lambda: Response(fate="hang_up"),
        "silence": lambda: Response(fate="silence", delay=fault.delay),
        "slow": lambda: replace(serve(), fate="slow", delay=fault.delay),
        "rate_limit": too_many,
        "http_500": lambda: refused(envelope, 500, "internal-error", "Internal Server Error"),
        "http_403": lambda: Response(403, b"Forbidden\r\n", content_type="text/html; charset=utf-8"),
        "bad_json": lambda: Response(200, b'{"chart":{"result":[{"meta":'),
        "empty_body": lambda: Response(200, b""),
        "cut": lambda: replace(serve(), fate="cut"),
        "delisted": lambda: refused(envelope, 404, "Not Found", DELISTED),
    }
    answer = answers.get(fault.kind)
    return answer() if answer else None
