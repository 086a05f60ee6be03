"""Which call stands where on a KIS host: TR id, path, whether the paper host has it, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.sandbox.kis_calls import Call
from adapters.sandbox.kis_listings import Listings
from adapters.sandbox.kis_overseas import OverseasQuotations
from adapters.sandbox.kis_overseas_listings import OverseasListings
from adapters.sandbox.kis_quotes import Quotations
from adapters.sandbox.kis_search import Search
from adapters.sandbox.market import Market

_DOMESTIC = "/uapi/domestic-stock/v1/quotations/"
_OVERSEAS = "/uapi/overseas-price/v1/quotations/"
_OVERSEAS_STOCK = "/uapi/overseas-stock/v1/quotations/"

#: What a request about something is turned into by the fault `wrong_ticker`: something else of the same kind.
Another = Callable[[Mapping[str, str], datetime], str]


@dataclass(frozen=True)
class Route:
    """One call. `subject` names the parameter that says what it is about, `another` what else it could be about."""

    path: str
    on_paper: bool
    region: str
    call: Call
    subject: str = ""
    another: Another | None = None


def routes(markets: Mapping[str, Market]) -> dict[str, Route]:
    """TR id -> route, over the markets of the regions KR and US."""
    korea, america = markets["KR"], markets["US"]
    quotes, listings = Quotations(korea), Listings(korea)
    overseas, search, abroad = OverseasQuotations(america), Search(america), OverseasListings(america)
    isc = "FID_INPUT_ISCD"
    stock = (isc, quotes.another)
    product = ("PDNO", listings.another)
    return {
        "FHKST03010100": Route(_DOMESTIC + "inquire-daily-itemchartprice", True, "KR", quotes.daily_chart, *stock),
        "FHKST01010400": Route(_DOMESTIC + "inquire-daily-price", True, "KR", quotes.recent_days, *stock),
        "FHKST01010100": Route(_DOMESTIC + "inquire-price", True, "KR", quotes.price, *stock),
        "FHKUP03500100": Route(
            _DOMESTIC + "inquire-daily-indexchartprice", True, "KR", quotes.index_chart, isc, quotes.another_index
        ),
        "CTPF1002R": Route(_DOMESTIC + "search-stock-info", False, "KR", listings.stock_info, *product),
        "CTPF1604R": Route(_DOMESTIC + "search-info", False, "KR", listings.product_info, *product),
        "CTCA0903R": Route(_DOMESTIC + "chk-holiday", False, "KR", listings.holidays),
        "HHDFS76240000": Route(_OVERSEAS + "dailyprice", True, "US", overseas.daily, "SYMB", overseas.another),
        "HHDFS00000300": Route(_OVERSEAS + "price", True, "US", overseas.price, "SYMB", overseas.another),
        "HHDFS76410000": Route(_OVERSEAS + "inquire-search", True, "US", search.page, "EXCD", search.another),
        "FHKST03030100": Route(
            _OVERSEAS + "inquire-daily-chartprice", True, "US", overseas.index_chart, isc, overseas.another_index
        ),
        "CTPF1702R": Route(_OVERSEAS + "search-info", False, "US", abroad.product_info, "PDNO", abroad.another),
        "CTOS5011R": Route(_OVERSEAS_STOCK + "countries-holiday", False, "US", abroad.holidays),
    }
