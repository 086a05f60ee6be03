"""KIS's overseas exchanges of this sandbox, with the codes each part of the wire gives them (kis.md sections 8 and 10)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One exchange: `code` of quotations, `exid` of master files, `order_code` of orders, `product` of CTPF1702R.

    `market` and `market_name` are those of the ledger's calls (tr_mket_cd, tr_mket_name).
    """

    code: str
    venue: str
    name: str
    exid: str
    order_code: str
    product: str
    market: str
    market_name: str


#: The three exchanges of the US. Their daytime sessions (BAY BAQ BAA) have quotes on KIS and nothing here.
EXCHANGES = {
    "NAS": Exchange("NAS", "XNAS", "나스닥", "22", "NASD", "512", "01", "나스닥"),
    "NYS": Exchange("NYS", "XNYS", "뉴욕", "21", "NYSE", "513", "02", "뉴욕거래소"),
    "AMS": Exchange("AMS", "XASE", "아멕스", "23", "AMEX", "529", "05", "아멕스"),
}
BY_PRODUCT = {exchange.product: exchange for exchange in EXCHANGES.values()}
