"""What a request could be about instead: something else of the same kind, for the fault `wrong_ticker`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from adapters.sandbox.kis_exchanges import Exchange
from adapters.sandbox.market import Market

#: From a request's parameters and the time to the other value of its subject.
Another = Callable[[Mapping[str, str], datetime], str]
#: From a request's parameters to the exchange they name.
Place = Callable[[Mapping[str, str]], Exchange | None]
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


def of_exchange(markets: Mapping[str, Market], subject: str, place: Place) -> Another:
    """Any listed symbol of the exchange that `place` finds but the one `subject` asks for; that one if it stands alone.

    Where the exchange has listings in several currencies, one in the same currency.
    """

    def another(params: Mapping[str, str], now: datetime) -> str:
        code, exchange = params.get(subject, "").strip(), place(params)
        if exchange is None:
            return code
        market = markets[exchange.region]
        asked = market.find(code)
        currency = asked.currency if asked else ""
        there = (name for name in market.names(now) if name.venue == exchange.venue and name.currency == currency)
        return next((name.code for name in there if name.code != code), code)

    return another


def one_of(codes: Sequence[str], subject: str) -> Another:
    """The first of `codes` that `subject` does not ask for; the one asked for if there is no other."""

    def another(params: Mapping[str, str], now: datetime) -> str:
        code = params.get(subject, "").strip()
        return next((other for other in codes if other != code), code)

    return another
