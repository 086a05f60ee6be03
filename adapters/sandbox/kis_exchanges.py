"""KIS's overseas exchanges: every fact that differs between them, in one table (kis.md sections 8 and 10).

A new exchange is a row here, and a row or more of `kis_trading_rules.csv`, where the rules with a date stand. Sources: the
field tables of HHDFS76240000, CTPF1702R and CTOS5011R, the recorded answers of CTOS5011R (2022-12-27) and CTPF1702R (AAPL),
the master files of October 2025. Recorded nowhere, and therefore made up in KIS's manner: the ledger's market codes and names
of Hong Kong and China, the Korean names of currencies but the dollar's, and what the condition search says of prices that are
a quarter of an hour old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.sandbox import kis_trading_rules


@dataclass(frozen=True)
class Country:
    """A country as KIS names it.

    `letters` are those of the master files and of the ledger, and our region; `number` is tr_natn_cd; `terminal` stands
    behind a symbol on Bloomberg's terminal.
    """

    letters: str
    number: str
    name: str
    terminal: str


@dataclass(frozen=True)
class Product:
    """What the ledger calls an exchange's listings in one currency: PRDT_TYPE_CD, tr_mket_cd and tr_mket_name."""

    code: str
    market: str
    market_name: str


@dataclass(frozen=True)
class Exchange:
    """One exchange.

    `code` is that of quotations, `venue` our MIC, `exid` that of master files, `order_code` that of orders. `products` by
    currency, the main one first: a listing in another currency is none of the ledger's. Prices have `decimals`.

    Of the master files: `hours` open and close, `sell_lot` the smallest sale where it is not the smallest purchase,
    `steps` the kind of price steps by the kind of exchange-traded product ("": a stock; "0" where this names none),
    `name_bytes` the longest Korean and English name.

    `freshness` is the condition search's word for how old prices are. The account settles on the day on which the exchange
    does (`lag` 0) or on a Korean business day after it (1). `also` is a venue whose closing closes this exchange for KIS's
    customers: China is traded by way of Hong Kong, and there only stocks of a `least_value` can be bought.
    """

    code: str
    venue: str
    country: Country
    name: str
    exid: str
    order_code: str
    products: Mapping[str, Product]
    decimals: int
    hours: tuple[str, str]
    name_bytes: tuple[int, int]
    sell_lot: int | None = None
    steps: Mapping[str, str] = field(default_factory=dict)
    freshness: str = "15분지연"
    lag: int = 0
    also: str = ""

    def tradable(self, kind: str, currency: str, value: int) -> bool:
        """Whether KIS's customers can buy a name of this `kind` (group), `currency` ("": the main one) and market `value`.

        Nobody can buy what the ledger has no product for.
        """
        if (currency or self.currency) not in self.products:
            return False
        return self.least_value is None or (kind == "2" and value >= self.least_value)

    @property
    def settlement(self) -> kis_trading_rules.Dated:
        """From which day on trades settle how many sessions later."""
        return kis_trading_rules.settlement(self.venue)

    @property
    def least_value(self) -> int | None:
        """The market value, in the main currency, under which nothing can be bought; None: there is no such bound."""
        return kis_trading_rules.least_value(self.venue)

    @property
    def region(self) -> str:
        """Our region: KIS's letters for the country."""
        return self.country.letters

    @property
    def currency(self) -> str:
        """The main currency of its listings."""
        return next(iter(self.products))


_US = Country("US", "840", "미국", "US")
_JP = Country("JP", "392", "일본", "JP")
_HK = Country("HK", "344", "홍콩", "HK")
_VN = Country("VN", "704", "베트남", "VN")
_CN = Country("CN", "156", "중국", "CH")


def _american(code: str, venue: str, name: str, exid: str, order_code: str, product: Product) -> Exchange:
    return Exchange(
        *(code, venue, _US, name, exid, order_code, {"USD": product}),
        decimals=4,
        hours=("930", "1600"),
        name_bytes=(64, 60),
        freshness="무료실시간",
        lag=1,
    )


#: By the code of quotations. The daytime sessions of the US (BAY BAQ BAA) and the Chinese indices (SHI SZI) have codes of
#: their own on KIS and nothing here.
EXCHANGES = {
    exchange.code: exchange
    for exchange in (
        _american("NAS", "XNAS", "나스닥", "22", "NASD", Product("512", "01", "나스닥")),
        _american("NYS", "XNYS", "뉴욕", "21", "NYSE", Product("513", "02", "뉴욕거래소")),
        _american("AMS", "XASE", "아멕스", "23", "AMEX", Product("529", "05", "아멕스")),
        Exchange(
            *("HKS", "XHKG", _HK, "홍콩", "12", "SEHK"),
            {
                "HKD": Product("501", "01", "홍콩"),
                "CNY": Product("543", "02", "홍콩CNY"),
                "USD": Product("558", "03", "홍콩USD"),
            },
            decimals=3,
            hours=("930", "1610"),
            name_bytes=(64, 15),
            steps={"": "1", "000": "1", "001": "5", "004": "1"},
        ),
        Exchange(
            *("SHS", "XSHG", _CN, "상해", "16", "SHAA", {"CNY": Product("551", "01", "상해A")}),
            decimals=3,
            hours=("930", "1500"),
            name_bytes=(64, 64),
            sell_lot=1,
            also="XHKG",
        ),
        Exchange(
            *("SZS", "XSHE", _CN, "심천", "17", "SZAA", {"CNY": Product("552", "02", "심천A")}),
            decimals=3,
            hours=("930", "1500"),
            name_bytes=(64, 35),
            sell_lot=1,
            also="XHKG",
        ),
        Exchange(
            *("TSE", "XTKS", _JP, "도쿄", "6", "TKSE", {"JPY": Product("515", "01", "일본")}),
            decimals=1,
            hours=("900", "1530"),
            name_bytes=(64, 64),
            steps={"": "1", "000": "4"},
        ),
        Exchange(
            *("HSX", "XSTC", _VN, "호치민", "70", "VNSE", {"VND": Product("508", "02", "호치민거래소")}),
            decimals=0,
            hours=("915", "1500"),
            name_bytes=(35, 35),
        ),
        Exchange(
            *("HNX", "XHNX", _VN, "하노이", "71", "HASE", {"VND": Product("507", "01", "하노이거래소")}),
            decimals=0,
            hours=("900", "1500"),
            name_bytes=(35, 35),
        ),
    )
}
#: Product type -> its exchange and the currency of its listings.
BY_PRODUCT = {
    product.code: (exchange, currency) for exchange in EXCHANGES.values() for currency, product in exchange.products.items()
}
BY_VENUE = {exchange.venue: exchange for exchange in EXCHANGES.values()}
#: The regions whose quotations KIS has: its home and those of the exchanges above.
REGIONS = ("KR", *dict.fromkeys(exchange.region for exchange in EXCHANGES.values()))
CURRENCY_NAMES = {"USD": "미국달러", "HKD": "홍콩달러", "CNY": "중국위안화", "JPY": "일본엔", "VND": "베트남동"}
