"""A running sandbox: a market for each region and one clock behind a real port, KIS's and Yahoo's, and a paper port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.sandbox.clock import SandboxClock
from adapters.sandbox.generated import GeneratedMarket
from adapters.sandbox.kis import KisHost
from adapters.sandbox.ledger import Ledger, Limits
from adapters.sandbox.market import Market
from adapters.sandbox.regions import PROFILES, split
from adapters.sandbox.replay import ReplayMarket
from adapters.sandbox.steering import PREFIX, Steering
from adapters.sandbox.wire import Request, Response, WireServer, json_response
from adapters.sandbox.yahoo import YahooHost, is_yahoo
from pipeline.errors import SpockError, UsageError

#: Codes of made-up names run out above this.
MOST_TICKERS = 10_000
_HIGHEST_PORT = 65_535
#: What the sandbox's Yahoo takes in a second. Yahoo tells no limit; we ask once a second, so more than 2 in one is a mistake.
_YAHOO_PER_SECOND = 2


class Sandbox:
    """KIS and Yahoo over loopback HTTP, from generated markets or a folder of CSVs.

    `port` 0 picks a free one; `paper_port` opens KIS's paper host beside it (0: any free port). `tickers` followed
    names, divided between `regions` (`regions.split`), are generated from `seed`, or `data` (a folder with
    REGION/TICKER.csv) is replayed: those of `regions` that have a folder in it. The clock is the wall clock unless
    `now` (aware) freezes it. As a context manager it runs in threads; `serve_forever` blocks. `UsageError` for a region
    it does not know, a port that is none or is taken, or a folder that can't be read.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        paper_port: int | None = None,
        regions: Sequence[str] = tuple(PROFILES),
        tickers: int = 25,
        data: Path | None = None,
        enforce_limits: bool = True,
        now: datetime | None = None,
        seed: int = 1,
    ) -> None:
        if not 1 <= tickers <= MOST_TICKERS:
            raise UsageError(f"--tickers {tickers}: give a number from 1 to {MOST_TICKERS}")
        unknown = [region for region in regions if region not in PROFILES]
        if unknown or not regions:
            raise UsageError(f"--regions {','.join(unknown)}: the sandbox serves {', '.join(PROFILES)}")
        for option, wanted in (("--port", port), ("--paper-port", paper_port)):
            if wanted is not None and not 0 <= wanted <= _HIGHEST_PORT:
                raise UsageError(f"{option} {wanted}: give a port from 0 (any free one) to {_HIGHEST_PORT}")
        self._clock = SandboxClock(now)
        self._ledger = Ledger(Limits(enforce=enforce_limits))
        markets = _replayed(data, regions) if data else _generated(regions, seed, tickers)
        yahoo = Ledger(Limits(enforce_limits, per_second=_YAHOO_PER_SECOND, per_minute=60 * _YAHOO_PER_SECOND))
        self._kis = KisHost(markets, self._clock, self._ledger)
        self._yahoo = YahooHost(markets, self._clock, yahoo)
        faults = {"kis": self._kis.faults, "yahoo": self._yahoo.faults}
        self._steering = Steering(self._clock, self._ledger, yahoo, faults, "data" if data else "generated")
        self._server = _listen("--port", port, lambda request: self._answer(request, paper=False))
        self._paper = None
        if paper_port is not None:
            try:
                self._paper = _listen("--paper-port", paper_port, lambda request: self._answer(request, paper=True))
            except UsageError:
                self._server.server_close()
                raise
        self.url = self._server.url
        self.paper_url = self._paper.url if self._paper else None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Serve in background threads."""
        for server in filter(None, (self._server, self._paper)):
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True, name="sandbox")
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Close the ports and every connection; a stopped sandbox is not started again."""
        for server in filter(None, (self._server, self._paper)):
            if self._threads:
                server.shutdown()
            server.hang_up()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def serve_forever(self) -> None:
        """Serve until another thread calls `stop` or the process is interrupted."""
        self.start()
        try:
            for thread in list(self._threads):
                thread.join()
        finally:
            self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, request: Request, *, paper: bool) -> Response:
        if request.path.startswith(PREFIX):
            return self._steering.answer(request)
        if not paper and is_yahoo(request.path):
            return self._yahoo.answer(request)
        try:
            return self._kis.answer(request, paper_port=paper)
        except SpockError as error:  # a clock outside the calendar, a CSV that can't be read: the gateway's own 500
            return json_response({"rt_cd": "1", "msg_cd": "EGW00002", "msg1": str(error)}, 500)


def _generated(regions: Sequence[str], seed: int, tickers: int) -> Mapping[str, Market]:
    parts = split(tickers, tuple(dict.fromkeys(regions)))
    return {region: GeneratedMarket(region=region, seed=seed, tickers=part) for region, part in parts.items()}


def _replayed(folder: Path, regions: Sequence[str]) -> Mapping[str, Market]:
    """The markets of the regions that have a folder; none of them is an error that names the first."""
    there = [region for region in regions if (folder / region).is_dir()] or regions[:1]
    return {region: ReplayMarket(folder, region) for region in there}


def _listen(option: str, port: int, answer: Callable[[Request], Response]) -> WireServer:
    try:
        return WireServer(port, answer)
    except OSError as error:
        raise UsageError(
            f"port {port} can't be opened ({error}): stop what uses it, or give another {option}"
        ) from error
