"""How both index charts of KIS, domestic and overseas, are asked: the same fields, another division and another name field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from adapters.base import Capability
from adapters.kis.paging import Page
from adapters.kis.rows import optional
from adapters.kis.wire import Tr, Wire


def dated_chart(
    wire: Wire, tr: Tr, division: str, code: str, *, names_code: str, subject: str
) -> Callable[[dt.date, dt.date], Page]:
    """A question for daily levels of KIS's index `code` between two days, both included, as `paging.walk` asks it.

    `names_code` is the field of the answer's head that says which index it is about.
    """

    def ask(first: dt.date, until: dt.date) -> Page:
        body = wire.get(
            tr,
            {
                "FID_COND_MRKT_DIV_CODE": division,
                "FID_INPUT_ISCD": code,
                "FID_INPUT_DATE_1": first.strftime("%Y%m%d"),
                "FID_INPUT_DATE_2": until.strftime("%Y%m%d"),
                "FID_PERIOD_DIV_CODE": "D",
            },
            capability=Capability.INDEX,
            subject=subject,
        )
        return Page(body["output2"], optional(body["output1"], names_code))

    return ask
