"""What a Yahoo symbol stands for: a listing or an index of one of the sandbox's markets.

A symbol is a code as Yahoo spells it with the suffix of its venue. Suffixes, indices and currencies are those of the
packaged settings of each region (`codes.yfinance`, `indices`); a home's own settings don't reach the sandbox. A venue
without a suffix (Hanoi, KONEX) is not on Yahoo, and neither are warrants, rights and certificates.

| ours | on Yahoo |
|---|---|
| `00700` (HK) | `0700.HK`: four digits at least |
| `BRK/B`, preferred `ABR/D`, warrants `/WS`, units `/UN` (US, as KIS writes them) | `BRK-B`, `ABR-PD`, `-WT`, `-UN` |
| `BP.`, `BT.A` (UK) | `BP.L`, `BT-A.L` |
| `SAN`, `SAN:XMAD` (EU) | `SAN.PA`, `SAN.MC` |
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from adapters.sandbox.market import Market, Name
from adapters.sandbox.yahoo_exchanges import EXCHANGES, LISTED_TWICE, SECOND_LINES, YahooExchange
from pipeline.calendars import VenueCalendar
from pipeline.regions import written

#: Indices that are funds: the proxies of the settings.
_FUNDS = frozenset(("1306.T",))
_STOCKS = frozenset(("ST", "RT", "FS", "DR", "2"))


@dataclass(frozen=True)
class YahooRegion:
    """What a region's settings say: `suffixes` by MIC, `indices` by Yahoo's symbol (our code, name)."""

    currency: str
    suffixes: Mapping[str, str]
    indices: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Subject:
    """What a symbol stands for: a listing (`name`), or an index by our code (`index`), on the calendar of its venue.

    `kind` is Yahoo's quoteType, `currency` the one it is quoted in ("GBp": pence).
    """

    symbol: str
    market: Market
    calendar: VenueCalendar
    exchange: YahooExchange
    kind: str
    currency: str
    title: str
    name: Name | None = None
    index: str = ""


@cache
def settings_of(region: str) -> YahooRegion:
    """The packaged settings of a region, as far as they say something of Yahoo."""
    settings = written(region)
    indices = {
        index["codes"]["yfinance"]: (index["code"], index["name"])
        for index in settings.get("indices", ())
        if "yfinance" in index["codes"]
    }
    return YahooRegion(settings["currency"], settings["codes"].get("yfinance", {}), indices)


def spelled(region: str, name: Name) -> str:
    """A code as Yahoo spells it, without the suffix."""
    code = name.code
    match region:
        case "HK":
            return f"{int(code):04d}"
        case "US":
            stem, _, series = code.partition("/")
            if not series:
                return stem
            preferred = " PFD " in f" {name.english or name.name} "
            return f"{stem}-{'WT' if series == 'WS' else f'P{series}' if preferred else series}"
        case "UK":
            return code.rstrip(".").replace(".", "-")
        case "EU":
            return code.partition(":")[0]
    return code


def _codes(region: str, stem: str, mic: str) -> tuple[str, ...]:
    """The codes of ours that Yahoo may spell like this, the likelier first."""
    match region:
        case "HK":
            return (stem.zfill(5),)
        case "US":
            base, _, series = stem.partition("-")
            if not series:
                return (base,)
            return (f"{base}/{'WS' if series == 'WT' else series}", f"{base}/{series.removeprefix('P')}")
        case "UK":
            return (stem.replace("-", "."), f"{stem}.")
        case "EU":
            return (f"{stem}:{mic}", stem)
    return (stem,)


def kind_of(name: Name) -> str:
    """Yahoo's quoteType of a listing; "" for what Yahoo does not list."""
    if name.group in _STOCKS or (name.group == "3" and name.etyp == "004"):
        return "EQUITY"
    return "ETF" if name.group in ("EF", "EN", "3") else ""


class Directory:
    """The symbols of all markets; safe for many threads."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets
        self._lock = threading.Lock()
        #: Region -> the day its list was taken on, and code -> name of that day.
        self._lists: dict[str, tuple[date, Mapping[str, Name]]] = {}

    @property
    def regions(self) -> Sequence[str]:
        """The regions that are served."""
        return tuple(self._markets)

    def find(self, symbol: str, now: datetime) -> Subject | None:
        """What `symbol` stands for at `now` (aware); None for what is not, not yet or no longer listed."""
        stem, dot, ending = symbol.rpartition(".")
        for region, market in self._markets.items():
            settings = settings_of(region)
            if symbol in settings.indices:
                return self._index(symbol, market, *settings.indices[symbol])
            for mic, suffix in settings.suffixes.items():
                lines = {suffix: EXCHANGES[mic]}
                if mic in SECOND_LINES:
                    lines.update((SECOND_LINES[mic],))
                if dot + ending not in lines and "" not in lines:
                    continue
                if "" in lines and dot:
                    continue
                exchange = lines[dot + ending] if dot else lines[""]
                subject = self._listing(symbol, stem if dot else symbol, region, mic, exchange, now)
                if subject is not None:
                    return subject
        return None

    def listed(self, now: datetime) -> list[Subject]:
        """Every stock and fund on Yahoo at `now`, the second lines of a few included."""
        found = []
        for region, market in self._markets.items():
            suffixes, twice = settings_of(region).suffixes, dict.fromkeys(SECOND_LINES, LISTED_TWICE)
            for name in self._names(region, now).values():
                if name.venue not in suffixes or not kind_of(name):
                    continue
                stem, exchange = spelled(region, name), EXCHANGES[name.venue]
                found.append(_subject(stem + suffixes[name.venue], market, name, exchange, region))
                if twice.get(name.venue):
                    twice[name.venue] -= 1
                    suffix, second = SECOND_LINES[name.venue]
                    found.append(_subject(stem + suffix, market, name, second, region))
        return found

    def _listing(self, symbol: str, stem: str, region: str, mic: str, exchange: YahooExchange, now: datetime) -> Subject | None:
        names = self._names(region, now)
        for code in _codes(region, stem, mic):
            name = names.get(code)
            if name is not None and name.venue == mic and kind_of(name):
                return _subject(symbol, self._markets[region], name, exchange, region)
        return None

    def _index(self, symbol: str, market: Market, code: str, title: str) -> Subject:
        exchange = next(EXCHANGES[mic] for mic in settings_of(market.region).suffixes)
        kind, currency = "ETF" if symbol in _FUNDS else "INDEX", settings_of(market.region).currency
        return Subject(symbol, market, market.calendar, exchange, kind, currency, title, index=code)

    def _names(self, region: str, now: datetime) -> Mapping[str, Name]:
        """The names a region's lists show today, by code."""
        market = self._markets[region]
        day = now.astimezone(market.timezone).date()
        with self._lock:
            kept = self._lists.get(region)
            if kept is None or kept[0] != day:
                kept = self._lists[region] = (day, {name.code: name for name in market.names(now)})
            return kept[1]


def _subject(symbol: str, market: Market, name: Name, exchange: YahooExchange, region: str) -> Subject:
    currency = name.currency or settings_of(region).currency
    title = name.english or name.name
    return Subject(symbol, market, market.calendar_of(name.venue), exchange, kind_of(name), currency, title, name)
