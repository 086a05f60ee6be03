"""Which call stands where on a KIS host: TR id, path, whether the paper host has it, and what answers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.sandbox import kis_bars, kis_others, kis_overseas_bars
from adapters.sandbox.kis_calls import Call
from adapters.sandbox.kis_exchanges import BY_PRODUCT, EXCHANGES
from adapters.sandbox.kis_listings import Listings
from adapters.sandbox.kis_others import Another
from adapters.sandbox.kis_overseas import OverseasQuotations
from adapters.sandbox.kis_overseas_listings import OverseasListings
from adapters.sandbox.kis_quotes import Quotations
from adapters.sandbox.kis_search import Search
from adapters.sandbox.market import Market

_DOMESTIC = "/uapi/domestic-stock/v1/quotations/"
_OVERSEAS = "/uapi/overseas-price/v1/quotations/"
_OVERSEAS_STOCK = "/uapi/overseas-stock/v1/quotations/"


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
    isc, product_no = "FID_INPUT_ISCD", "PDNO"
    stock = (isc, kis_others.listed(korea, isc))
    index = (isc, kis_others.one_of(kis_bars.INDICES, isc))
    product = (product_no, kis_others.listed(korea, product_no))
    symbol = ("SYMB", kis_others.of_exchange(america, "SYMB", "EXCD", EXCHANGES))
    exchange = ("EXCD", kis_others.one_of(EXCHANGES, "EXCD"))
    abroad_index = (isc, kis_others.one_of(kis_overseas_bars.INDICES, isc))
    abroad_product = (product_no, kis_others.of_exchange(america, product_no, "PRDT_TYPE_CD", BY_PRODUCT))
    return {
        "FHKST03010100": Route(_DOMESTIC + "inquire-daily-itemchartprice", True, "KR", quotes.daily_chart, *stock),
        "FHKST01010400": Route(_DOMESTIC + "inquire-daily-price", True, "KR", quotes.recent_days, *stock),
        "FHKST01010100": Route(_DOMESTIC + "inquire-price", True, "KR", quotes.price, *stock),
        "FHKUP03500100": Route(_DOMESTIC + "inquire-daily-indexchartprice", True, "KR", quotes.index_chart, *index),
        "CTPF1002R": Route(_DOMESTIC + "search-stock-info", False, "KR", listings.stock_info, *product),
        "CTPF1604R": Route(_DOMESTIC + "search-info", False, "KR", listings.product_info, *product),
        "CTCA0903R": Route(_DOMESTIC + "chk-holiday", False, "KR", listings.holidays),
        "HHDFS76240000": Route(_OVERSEAS + "dailyprice", True, "US", overseas.daily, *symbol),
        "HHDFS00000300": Route(_OVERSEAS + "price", True, "US", overseas.price, *symbol),
        "HHDFS76410000": Route(_OVERSEAS + "inquire-search", True, "US", search.page, *exchange),
        "FHKST03030100": Route(_OVERSEAS + "inquire-daily-chartprice", True, "US", overseas.index_chart, *abroad_index),
        "CTPF1702R": Route(_OVERSEAS + "search-info", False, "US", abroad.product_info, *abroad_product),
        "CTOS5011R": Route(_OVERSEAS_STOCK + "countries-holiday", False, "US", abroad.holidays),
    }
