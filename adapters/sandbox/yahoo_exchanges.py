"""Yahoo's exchanges: every fact that differs between them, in one table by our MIC.

A new venue is a row, its symbol suffix a line of its region's settings. Sources: the exchange codes by region in yfinance
1.7.0 (`const.EQUITY_SCREENER_EQ_MAP`); the full names of Nasdaq, NYSE Arca's relatives and London as recorded answers show
them, the others from memory. Which venue shows an untraded session as nulls and which as a flat bar is unconfirmed, too:
both happen, so both are here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class YahooExchange:
    """One exchange: Yahoo's `code` and `full_name` of it, the screener's `region` key it stands under.

    `flat` says that an untraded session is a bar at the last close with volume 0; else its numbers are null. `extended`
    says that there are prices before and after the session.
    """

    code: str
    full_name: str
    region: str
    flat: bool = False
    extended: bool = False


#: By the MIC of our settings.
EXCHANGES = {
    "XKRX": YahooExchange("KSC", "KSE", "kr", flat=True),
    "XKOS": YahooExchange("KOE", "KOSDAQ", "kr", flat=True),
    "XNAS": YahooExchange("NMS", "NasdaqGS", "us", extended=True),
    "XNYS": YahooExchange("NYQ", "NYSE", "us", extended=True),
    "XASE": YahooExchange("ASE", "NYSE American", "us", extended=True),
    "XSHG": YahooExchange("SHH", "Shanghai", "cn"),
    "XSHE": YahooExchange("SHZ", "Shenzhen", "cn"),
    "XHKG": YahooExchange("HKG", "HKSE", "hk", flat=True),
    "XTKS": YahooExchange("JPX", "Tokyo", "jp"),
    "XSTC": YahooExchange("VSE", "Vietnam", "vn"),
    "XASX": YahooExchange("ASX", "ASX", "au", flat=True),
    "XLON": YahooExchange("LSE", "LSE", "gb", flat=True),
    "XPAR": YahooExchange("PAR", "Paris", "fr", flat=True),
    "XAMS": YahooExchange("AMS", "Amsterdam", "nl", flat=True),
    "XBRU": YahooExchange("BRU", "Brussels", "be", flat=True),
    "XLIS": YahooExchange("LIS", "Lisbon", "pt", flat=True),
    "XETR": YahooExchange("GER", "XETRA", "de", flat=True),
    "XMIL": YahooExchange("MIL", "Milan", "it", flat=True),
    "XMAD": YahooExchange("MCE", "MCE", "es", flat=True),
}
#: Where shares of a venue trade once more, under a suffix of its own: what makes one share appear twice under a region key.
SECOND_LINES = {
    "XETR": (".F", YahooExchange("FRA", "Frankfurt", "de", flat=True)),
    "XLON": (".XC", YahooExchange("CXE", "Cboe UK", "gb", flat=True)),
}
#: How many shares of such a venue the screener lists twice.
LISTED_TWICE = 3
