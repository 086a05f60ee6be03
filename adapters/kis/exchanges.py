"""KIS's overseas exchanges, with the names that each part of the wire gives them: one table, a line an exchange.

Codes of quotations: field table of HHDFS76240000. Product types: field table of CTPF1702R, which has one for each currency of
Hong Kong's counters and names A shares only for Shanghai and Shenzhen. Codes of orders: field tables of the order calls.
Numbers: the real lists of October 2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One exchange: `code` of quotations (EXCD) and our `venue` MIC, the `number` its list gives it (exid).

    `orders` is the code of orders, which the product information answers with; `products` the type that information is
    asked with, by the currency of the line.
    """

    code: str
    venue: str
    number: str
    orders: str
    products: Mapping[str, str]

    @property
    def master(self) -> str:
        """Name of the exchange's list."""
        return f"{self.code.lower()}mst.cod.zip"


#: By code. KIS lists NYSE Arca under AMS.
EXCHANGES: Mapping[str, Exchange] = {
    exchange.code: exchange
    for exchange in (
        Exchange("NAS", "XNAS", "22", "NASD", {"USD": "512"}),
        Exchange("NYS", "XNYS", "21", "NYSE", {"USD": "513"}),
        Exchange("AMS", "XASE", "23", "AMEX", {"USD": "529"}),
        Exchange("SHS", "XSHG", "16", "SHAA", {"CNY": "551"}),
        Exchange("SZS", "XSHE", "17", "SZAA", {"CNY": "552"}),
        Exchange("HKS", "XHKG", "12", "SEHK", {"HKD": "501", "CNY": "543", "USD": "558"}),
        Exchange("TSE", "XTKS", "6", "TKSE", {"JPY": "515"}),
        Exchange("HSX", "XSTC", "70", "VNSE", {"VND": "508"}),
        Exchange("HNX", "XHNX", "71", "HASE", {"VND": "507"}),
    )
}
BY_VENUE: Mapping[str, Exchange] = {exchange.venue: exchange for exchange in EXCHANGES.values()}
