"""What Yahoo says of a symbol today: the objects of quote and screener, the summary of one, its share count.

Prices are plain decimals in the quoted currency, market values in whole units of the major one (pounds where prices are
pence). Of the summary's modules those are served that need nothing but the market.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from adapters.sandbox.regions import PROFILES
from adapters.sandbox.yahoo_chart import plain, price_hint
from adapters.sandbox.yahoo_hours import timetable
from adapters.sandbox.yahoo_series import Row, first_day, later_ratio, newest, splits
from adapters.sandbox.yahoo_symbols import Subject, settings_of

#: Three months of sessions.
_QUARTER = 63
_TYPES = {"EQUITY": "Equity", "ETF": "ETF", "INDEX": "Index"}
_MODULES = ("quoteType", "summaryDetail", "price", "defaultKeyStatistics")


def quote(subject: Subject, now: datetime, kind: str = "") -> dict[str, Any] | None:
    """The quote object, bent as the fault `kind` says ("" for none); None before the first session."""
    rows = newest(subject, now, _QUARTER)
    if kind == "stale" and len(rows) > 1:
        rows = rows[:-1]
    if not rows:
        return None
    last, before = rows[-1], rows[-2] if len(rows) > 1 else None
    hours = timetable(subject.calendar)
    local = now.astimezone(hours.zone)
    opens, closes = hours.hours(last.date)
    offset = local.utcoffset() or timedelta(0)
    return {
        "language": "en-US",
        "region": "US",
        "quoteType": subject.kind,
        "typeDisp": _TYPES[subject.kind],
        "quoteSourceName": "Delayed Quote",
        "triggerable": True,
        "currency": subject.currency,
        "financialCurrency": settings_of(subject.market.region).currency,
        "exchange": subject.exchange.code,
        "fullExchangeName": subject.exchange.full_name,
        "market": f"{subject.exchange.region}_market",
        "shortName": subject.title[:30],
        "longName": subject.title,
        "marketState": "REGULAR" if opens <= now.timestamp() < closes else "CLOSED",
        "sourceInterval": 15,
        "exchangeDataDelayedBy": 15,
        "exchangeTimezoneName": hours.zone.key,
        "exchangeTimezoneShortName": local.tzname(),
        "gmtOffSetMilliseconds": int(offset.total_seconds()) * 1000,
        "hasPrePostMarketData": subject.exchange.extended,
        "firstTradeDateMilliseconds": hours.hours(first_day(subject, now)).open * 1000,
        "priceHint": price_hint(last.close),
        **_prices(last, before, 100 if kind == "times_100" else 1),
        "regularMarketTime": min(int(now.timestamp()), closes),
        "averageDailyVolume3Month": sum(row.volume for row in rows) // len(rows),
        **_value(subject, last, now),
        "esgPopulated": False,
        "tradeable": False,
        "cryptoTradeable": False,
        "symbol": subject.symbol,
    }


def shares(subject: Subject, now: datetime) -> int:
    """How many shares there are today; 0 for an index."""
    if subject.name is None:
        return 0
    steps = splits(subject.market, subject.name, now)
    return round(subject.name.shares * later_ratio(steps, subject.name.listed))


def summary(subject: Subject, modules: str, now: datetime) -> dict[str, Any]:
    """Those modules of the quote summary that are served."""
    told = quote(subject, now) or {}
    hours = timetable(subject.calendar)
    names = ("exchange", "quoteType", "symbol", "shortName", "longName", "gmtOffSetMilliseconds")
    prices = {
        "currency": subject.currency,
        "previousClose": told.get("regularMarketPreviousClose"),
        "open": told.get("regularMarketOpen"),
        "dayLow": told.get("regularMarketDayLow"),
        "dayHigh": told.get("regularMarketDayHigh"),
        "volume": told.get("regularMarketVolume"),
        "marketCap": told.get("marketCap"),
    }
    served: dict[str, dict[str, Any]] = {
        "quoteType": {
            **{name: told.get(name) for name in names},
            "firstTradeDateEpochUtc": hours.hours(first_day(subject, now)).open,
            "timeZoneFullName": hours.zone.key,
        },
        "summaryDetail": prices,
        "price": told,
        "defaultKeyStatistics": {"sharesOutstanding": shares(subject, now)},
    }
    wanted = [module for module in modules.split(",") if module in _MODULES]
    return {module: {"maxAge": 1, **served[module]} for module in wanted}


def share_counts(subject: Subject, now: datetime) -> dict[str, Any]:
    """The timeseries of shares outstanding: today's count on the day of the newest session."""
    hours = timetable(subject.calendar)
    found: dict[str, Any] = {"meta": {"symbol": [subject.symbol]}}
    if subject.name is not None:
        found |= {"timestamp": [hours.hours(hours.newest(now)).open], "shares_out": [shares(subject, now)]}
    return found


def _prices(last: Row, before: Row | None, times: int) -> dict[str, Any]:
    """The session's prices and its change against the close before it."""
    named = {"Price": last.close, "Open": last.open, "DayHigh": last.high, "DayLow": last.low}
    if before is not None:
        named["PreviousClose"] = before.close
    told: dict[str, Any] = {f"regularMarket{name}": plain(price * times) for name, price in named.items() if price is not None}
    told["regularMarketVolume"] = last.volume
    if last.close is not None and before is not None and before.close:
        told["regularMarketChange"] = plain((last.close - before.close) * times)
        told["regularMarketChangePercent"] = plain((last.close / before.close - 1) * 100)
    return told


def _value(subject: Subject, last: Row, now: datetime) -> dict[str, Any]:
    count = shares(subject, now)
    if not count or last.close is None:
        return {}
    minor = PROFILES[subject.market.region].minor
    return {"sharesOutstanding": count, "marketCap": round(last.close * count / minor.get(subject.currency, 1))}
