"""What a fault makes of a KIS answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from adapters.sandbox.faults import Fault
from adapters.sandbox.wire import Response, json_response

_PRICES = frozenset(
    (
        *("stck_clpr", "stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr", "stck_sdpr", "stck_mxpr", "stck_llam"),
        *("stck_prdy_clpr", "stck_prdy_oprc", "stck_prdy_hgpr", "stck_prdy_lwpr", "prdy_vrss", "askp", "bidp"),
        *("bstp_nmix_prpr", "bstp_nmix_oprc", "bstp_nmix_hgpr", "bstp_nmix_lwpr", "bstp_nmix_prdy_vrss", "prdy_nmix"),
        *("clos", "open", "high", "low", "last", "base", "diff", "pbid", "pask", "popen", "phigh", "plow"),
        *("ovrs_nmix_prpr", "ovrs_nmix_oprc", "ovrs_nmix_hgpr", "ovrs_nmix_lwpr", "ovrs_nmix_prdy_vrss"),
        *("ovrs_nmix_prdy_clpr", "ovrs_prod_oprc", "ovrs_prod_hgpr", "ovrs_prod_lwpr"),
    )
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def gateway_error(status: int, code: str, text: str) -> Response:
    """An error of KIS's gateway."""
    return json_response({"rt_cd": "1", "msg_cd": code, "msg1": text}, status)


def too_fast() -> Response:
    """The answer to a request over the per-second limit."""
    return gateway_error(500, "EGW00201", "초당 거래건수를 초과하였습니다.")


def broken(fault: Fault, serve: Callable[[], Response]) -> Response | None:
    """The answer a fault puts in the place of `serve()`; None for the kinds that only bend its content."""
    answers: dict[str, Callable[[], Response]] = {
        "dead": lambda: Response(fate="hang_up"),
        "silence": lambda: Response(fate="silence", delay=fault.delay),
        "rate_limit": too_fast,
        "http_500": lambda: gateway_error(500, "EGW00002", "서버 에러가 발생했습니다."),
        "http_403": lambda: gateway_error(403, "EGW00003", "접근이 거부되었습니다."),
        "bad_json": lambda: Response(200, b'{"rt_cd":"0","output2":[{"stck_bsop_date":'),
        "empty_body": lambda: Response(200, b""),
        "cut": lambda: replace(serve(), fate="cut"),
    }
    answer = answers.get(fault.kind)
    return answer() if answer else None


def bent(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """A body without rows (`empty`) or with prices × 100 (`times_100`); any other kind leaves it as it is."""
    if kind == "empty":
        return {key: [] if isinstance(value, list) else value for key, value in body.items()}
    return {key: _times_100(value) for key, value in body.items()} if kind == "times_100" else body


def _times_100(value: Any) -> Any:
    if isinstance(value, list):
        return [_times_100(item) for item in value]
    if isinstance(value, dict):
        return {key: _hundredfold(item) if key in _PRICES else item for key, item in value.items()}
    return value


def _hundredfold(price: str) -> str:
    """A hundred times a price, with as many decimals as it has; what is no number stays."""
    if not _NUMBER.fullmatch(price):
        return price
    decimals = len(price.partition(".")[2])
    return f"{Decimal(price) * 100:.{decimals}f}"
