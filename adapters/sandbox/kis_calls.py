"""What the answers to KIS calls share: their shape, their refusals, and how parameters are read.

Parameter names are upper case here; `KisHost` folds the lower-case ones KIS also takes. The request's header `tr_cont`
stands among them under its own lower-case name (`CONT`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

KST = ZoneInfo("Asia/Seoul")
#: The header that asks for the next page, among the parameters.
CONT = "tr_cont"


class Refusal(Exception):
    """An error answer in KIS's own words (kis.md section 5): HTTP status, rt_cd, msg_cd and msg1."""

    def __init__(self, status: int, code: str, text: str, rt_cd: str = "1") -> None:
        super().__init__(f"{code} {text}")
        self.status = status
        self.body = {"rt_cd": rt_cd, "msg_cd": code, "msg1": text}


@dataclass(frozen=True)
class Quote:
    """The body of an answer without its envelope, and for the ledger its number of rows and the code asked for.

    `cont` is the answer's header tr_cont: F or M where more pages follow, D or nothing on the last one.
    """

    body: dict[str, Any]
    rows: int
    code: str
    msg_cd: str = "MCA00000"
    msg1: str = "정상처리 되었습니다."
    cont: str = ""


#: What answers a call: its parameters and the time in, the answer out.
Call = Callable[[Mapping[str, str], datetime], Quote]


def field(params: Mapping[str, str], name: str) -> str:
    """A parameter that must be there; OPSQ2001 otherwise."""
    value = params.get(name, "").strip()
    if not value:
        raise Refusal(200, "OPSQ2001", f"ERROR INPUT FIELD NOT FOUND [{name}]", rt_cd="2")
    return value


def invalid(name: str) -> Refusal:
    """The refusal of a parameter's value."""
    return Refusal(200, "OPSQ2001", f"ERROR INVALID {name}", rt_cd="2")


def choice(params: Mapping[str, str], name: str, allowed: str) -> str:
    """A one-letter parameter."""
    value = field(params, name)
    if value not in tuple(allowed):
        raise invalid(name)
    return value


def flag(params: Mapping[str, str], name: str) -> int:
    """0 or 1, also as "0000000001"."""
    value = field(params, name)
    if not value.isdigit() or int(value) > 1:
        raise invalid(name)
    return int(value)


def day(params: Mapping[str, str], name: str) -> date:
    """Eight digits; a range may begin before any date there is (python-kis sends 00000101)."""
    value = field(params, name)
    if len(value) != 8 or not value.isdigit():
        raise invalid(name)
    if value < "19000101":
        return date.min
    try:
        return date(int(value[:4]), int(value[4:6]), int(value[6:]))
    except ValueError:
        raise invalid(name) from None
