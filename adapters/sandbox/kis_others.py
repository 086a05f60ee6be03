"""What a request could be about instead: something else of the same kind, for the fault `wrong_ticker`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from adapters.sandbox.kis_exchanges import Exchange
from adapters.sandbox.market import Market

#: From a request's parameters and the time to the other value of its subject.
Another = Callable[[Mapping[str, str], datetime], str]
#: The name KR's other requests turn to, as long as the market has it.
_USUAL = "005930"


def listed(market: Market, subject: str) -> Another:
    """Any listed code but the one that the parameter `subject` asks for."""

    def another(params: Mapping[str, str], now: datetime) -> str:
        code = params.get(subject, "").strip()
        if code != _USUAL and market.find(_USUAL):
            return _USUAL
        return next((name.code for name in market.names(now) if name.code != code), code)

    return another


def of_exchange(market: Market, subject: str, place: str, exchanges: Mapping[str, Exchange]) -> Another:
    """Any listed symbol of the exchange that `place` names but the one `subject` asks for; that one if it stands alone."""

    def another(params: Mapping[str, str], now: datetime) -> str:
        code = params.get(subject, "").strip()
        exchange = exchanges.get(params.get(place, "").strip())
        venue = exchange.venue if exchange else ""
        return next((name.code for name in market.names(now) if name.venue == venue and name.code != code), code)

    return another


def one_of(codes: Collection[str], subject: str) -> Another:
    """The first of `codes` that `subject` does not ask for."""

    def another(params: Mapping[str, str], now: datetime) -> str:
        return next(code for code in codes if code != params.get(subject, "").strip())

    return another
