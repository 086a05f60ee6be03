"""Asks the sandbox at argv[1] with the real yfinance and prints what it got as JSON.

A program of its own: yfinance keeps cookies, crumbs and time zones for a whole process.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import urlsplit

import yfinance
from curl_cffi import requests


class Rewritten(requests.Session):
    """A session whose requests all go to the sandbox, with the path they had."""

    def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
        """The request, elsewhere."""
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{sys.argv[1]}{parts.path or '/'}{query}", *args, **options)


def rows(frame: Any, columns: tuple[str, ...]) -> list[list[Any]]:
    """Date and columns of each row; NaN is None."""
    told = []
    for stamp, row in frame.iterrows():
        told.append([str(stamp.date()), *(None if row[name] != row[name] else float(row[name]) for name in columns)])
    return told


def main() -> None:
    """Everything the adapter may ever ask of the library."""
    session = Rewritten(impersonate="chrome")
    bars = ("Open", "High", "Low", "Close", "Volume", "Dividends", "Stock Splits")
    days = {"start": "2026-06-01", "end": "2026-07-04", "auto_adjust": False}
    told: dict[str, Any] = {}
    for symbol in ("HLVN", "3777.T", "QBH.L"):
        told[symbol] = rows(yfinance.Ticker(symbol, session=session).history(**days, actions=True), bars)
    symbols = ["AZN.L", "BRK-B", "0700.HK", "NOPE"]
    found = yfinance.download(symbols, **days, session=session, progress=False, threads=False)
    told["download"] = {symbol: rows(found["Close"], (symbol,)) for symbol in symbols}
    query = yfinance.EquityQuery
    asked = query("and", [query("eq", ["region", "gb"]), query("is-in", ["exchange", "LSE", "CXE"])])
    asked = query("and", [asked, query("gt", ["intradaymarketcap", 1_000_000])])
    screened = yfinance.screen(asked, size=250, sortField="intradaymarketcap", sortAsc=False, session=session)
    told["screen"] = [screened["total"], [[quote["symbol"], quote["exchange"]] for quote in screened["quotes"]]]
    ticker = yfinance.Ticker("LLOY.L", session=session)
    fast = ticker.fast_info
    told["fast"] = [fast.last_price, fast.currency, fast.exchange, fast.timezone, fast.shares]
    told["info"] = [ticker.info[name] for name in ("symbol", "quoteType", "marketCap", "currency")]
    gone = yfinance.Ticker("NOPE", session=session)
    told["gone"] = [len(gone.history(period="5d")), gone.info.get("symbol")]
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
