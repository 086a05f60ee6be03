"""The master files a KIS host serves, made once for each session that has closed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from adapters.sandbox import kis_master, kis_overseas_master
from adapters.sandbox.kis_bars import share_count
from adapters.sandbox.kis_master import Entry
from adapters.sandbox.market import Market
from adapters.sandbox.sessions import last_close, today

#: File name -> region and venue of its names.
FILES = {name: ("KR", venue) for name, venue in kis_master.FILES.items()} | {
    name: (exchange.region, exchange.venue) for name, exchange in kis_overseas_master.FILES.items()
}


class Files:
    """The master files over the markets of KIS's regions; safe for many threads."""

    def __init__(self, markets: Mapping[str, Market]) -> None:
        self._markets = markets
        self._lock = threading.Lock()
        #: The newest archive of each file, and the day and session it was made for.
        self._kept: dict[str, tuple[str, bytes]] = {}

    def archive(self, file_name: str, now: datetime) -> bytes:
        """The zipped file with the listings of today and the prices of the last session that is over."""
        region, venue = FILES[file_name]
        market = self._markets[region]
        clock = market.calendar_of(venue)
        day, as_of = today(clock, now), last_close(clock, now)
        stamp = f"{day}:{as_of:%Y%m%d}"
        with self._lock:
            made_for, body = self._kept.get(file_name, ("", b""))
            if made_for != stamp:
                entries = [
                    Entry(
                        name,
                        *market.reference(name.code, as_of),
                        share_count(name, market.steps(name.code, now)),
                        market.halted(name.code, day),
                    )
                    for name in market.names(now)
                    if name.venue == venue
                ]
                if region == "KR":
                    body = kis_master.master_zip(file_name, entries, day)
                else:
                    body = kis_overseas_master.master_zip(file_name, entries, day, market.scale)
                self._kept[file_name] = stamp, body
            return body
