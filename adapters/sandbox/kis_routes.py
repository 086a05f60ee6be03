"""Which call stands where on a KIS host: TR id, path, whether the paper host has it, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.sandbox import kis_bars, kis_overseas_bars
from adapters.sandbox.kis_calls import Call
from adapters.sandbox.kis_exchanges import BY_PRODUCT, EXCHANGES, Exchange
from adapters.sandbox.kis_listings import Listings
from adapters.sandbox.kis_markets import Absent
from adapters.sandbox.kis_others import Another, listed, of_exchange, one_of
from adapters.sandbox.kis_overseas import OverseasQuotations
from adapters.sandbox.kis_overseas_listings import OverseasListings
from adapters.sandbox.kis_quotes import Quotations
from adapters.sandbox.kis_search import Search
from adapters.sandbox.market import Market
from pipeline.calendars import VenueCalendar

_DOMESTIC = "/uapi/domestic-stock/v1/quotations/"
_OVERSEAS = "/uapi/overseas-price/v1/quotations/"
_OVERSEAS_STOCK = "/uapi/overseas-stock/v1/quotations/"

#: From a request's parameters to the calendar of the venue they are about; None where they are about none.
Clock = Callable[[Mapping[str, str]], VenueCalendar | None]


@dataclass(frozen=True)
class Route:
    """One call, of KIS's home or `overseas`.

    `subject` names the parameter that says what it is about, `another` what else it could be about, `clock` whose
    sessions it shows.
    """

    path: str
    on_paper: bool
    overseas: bool
    call: Call
    clock: Clock
    subject: str = ""
    another: Another | None = None


def routes(markets: Mapping[str, Market]) -> dict[str, Route]:
    """TR id -> route, over the markets of all of `kis_exchanges.REGIONS`."""
    return _domestic(markets["KR"]) | _overseas(markets)


def _domestic(korea: Market) -> dict[str, Route]:
    quotes, listings = Quotations(korea), Listings(korea)
    stock = ("FID_INPUT_ISCD", listed(korea, "FID_INPUT_ISCD"))
    index = ("FID_INPUT_ISCD", one_of(tuple(kis_bars.INDICES), "FID_INPUT_ISCD"))
    product = ("PDNO", listed(korea, "PDNO"))

    def route(name: str, on_paper: bool, call: Call, subject: str = "", another: Another | None = None) -> Route:
        return Route(_DOMESTIC + name, on_paper, False, call, lambda _: korea.calendar, subject, another)

    return {
        "FHKST03010100": route("inquire-daily-itemchartprice", True, quotes.daily_chart, *stock),
        "FHKST01010400": route("inquire-daily-price", True, quotes.recent_days, *stock),
        "FHKST01010100": route("inquire-price", True, quotes.price, *stock),
        "FHKUP03500100": route("inquire-daily-indexchartprice", True, quotes.index_chart, *index),
        "CTPF1002R": route("search-stock-info", False, listings.stock_info, *product),
        "CTPF1604R": route("search-info", False, listings.product_info, *product),
        "CTCA0903R": route("chk-holiday", False, listings.holidays),
    }


def _overseas(markets: Mapping[str, Market]) -> dict[str, Route]:
    quotes, search, listings = OverseasQuotations(markets), Search(markets), OverseasListings(markets)
    served = [exchange for exchange in EXCHANGES.values() if not isinstance(markets[exchange.region], Absent)]
    indices = [code for code, index in kis_overseas_bars.INDICES.items() if not isinstance(markets[index.region], Absent)]

    def by_exchange(params: Mapping[str, str]) -> Exchange | None:
        return EXCHANGES.get(params.get("EXCD", "").strip())

    def by_product(params: Mapping[str, str]) -> Exchange | None:
        return BY_PRODUCT.get(params.get("PRDT_TYPE_CD", "").strip(), (None, ""))[0]

    def at_exchange(params: Mapping[str, str]) -> VenueCalendar | None:
        exchange = by_exchange(params) or by_product(params)
        return markets[exchange.region].calendar_of(exchange.venue) if exchange else None

    def of_index(params: Mapping[str, str]) -> VenueCalendar | None:
        index = kis_overseas_bars.INDICES.get(params.get("FID_INPUT_ISCD", "").strip())
        return markets[index.region].calendar if index else None

    symbol = (at_exchange, "SYMB", of_exchange(markets, "SYMB", by_exchange))
    exchange = (at_exchange, "EXCD", one_of([exchange.code for exchange in served], "EXCD"))
    index = (of_index, "FID_INPUT_ISCD", one_of(indices, "FID_INPUT_ISCD"))
    product = (at_exchange, "PDNO", of_exchange(markets, "PDNO", by_product))
    return {
        "HHDFS76240000": Route(_OVERSEAS + "dailyprice", True, True, quotes.daily, *symbol),
        "HHDFS00000300": Route(_OVERSEAS + "price", True, True, quotes.price, *symbol),
        "HHDFS76410000": Route(_OVERSEAS + "inquire-search", True, True, search.page, *exchange),
        "FHKST03030100": Route(_OVERSEAS + "inquire-daily-chartprice", True, True, quotes.index_chart, *index),
        "CTPF1702R": Route(_OVERSEAS + "search-info", False, True, listings.product_info, *product),
        "CTOS5011R": Route(_OVERSEAS_STOCK + "countries-holiday", False, True, listings.holidays, lambda _: None),
    }
