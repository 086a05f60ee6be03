"""The limits of KIS over minutes, through real transports, counted by a server of its own when a request reaches it."""

from __future__ import annotations

import multiprocessing
import socketserver
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from adapters.breaker import Breaker
from adapters.limiter import Limit, Limiter
from adapters.transport import Transport

SPAWN = multiprocessing.get_context("spawn")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass(frozen=True)
class Config:
    connect_timeout: float = 3.0
    read_timeout: float = 5.0
    attempts: int = 1
    rate_limit_attempts: int = 1
    backoff_base: float = 0.2
    backoff_max: float = 3.0
    deadline: float = 60.0
    workers: int = 4


def serve(control: Connection) -> None:
    """Answer until told to stop, then send the instants at which requests arrived."""
    arrived: list[float] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                arrived.append(time.monotonic())
                while self.rfile.readline().strip():
                    pass
                self.connection.sendall(ANSWER)

    class Threaded(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Threaded(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        control.send(server.server_address[1])
        control.recv()
        control.send(arrived)
        server.shutdown()


def ask(folder: Path, port: int, limits: Sequence[Limit], between: tuple[float, float]) -> int:
    """Requests from four threads between two monotonic instants; how many."""
    start, until = between
    limiter = Limiter(folder, "key", limits)
    breaker = Breaker(folder, "key", "history", 5, 30.0)
    transport = Transport(
        "kis", f"http://127.0.0.1:{port}", limiter=limiter, breakers=lambda _: breaker, config=Config()
    )

    def run() -> None:
        while time.monotonic() < until:
            transport.request("GET", "/x", capability="history")

    time.sleep(max(0.0, start - time.monotonic()))
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(run) for _ in range(4)]:
            done.result()
    transport.close()
    return transport.sent


def arrivals(folder: Path, limits: Sequence[Limit], processes: int, seconds: float) -> tuple[list[float], list[int]]:
    """When requests arrived, from the first on for `seconds`, and how many each process sent."""
    ours, theirs = SPAWN.Pipe()
    server = SPAWN.Process(target=serve, args=(theirs,))
    server.start()
    port = ours.recv()
    start = time.monotonic() + 2.0
    with SPAWN.Pool(processes) as pool:
        shares = pool.starmap(ask, [(folder, port, limits, (start, start + seconds))] * processes)
    ours.send("stop")
    arrived = sorted(ours.recv())
    server.join()
    return arrived, shares


def largest_window(instants: Sequence[float], seconds: float) -> int:
    """Most instants in any window of `seconds`."""
    return max(bisect_left(instants, first + seconds) - i for i, first in enumerate(instants))


@pytest.mark.chaos
@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize(
    ("limits", "seconds", "most"),
    [
        ([Limit(18, 1.0)], 30.0, 18 * 30),
        ([Limit(18, 1.0), Limit(1000, 60.0)], 180.0, 3 * 1000),
    ],
    ids=["18 a second", "1,000 a minute"],
)
def test_the_limit_holds_and_is_used(
    tmp_path: Path, limits: list[Limit], seconds: float, most: int, processes: int
) -> None:
    arrived, shares = arrivals(tmp_path, limits, processes, seconds)
    used = bisect_left(arrived, arrived[0] + seconds) / most
    windows = {limit: largest_window(arrived, limit.seconds) for limit in limits}
    print(f"{processes} processes: used {used:.1%}, largest windows {list(windows.values())}, shares {shares}")
    assert [limit for limit, found in windows.items() if found > limit.requests] == []
    assert used >= 0.95
    assert min(shares) >= 0.8 * max(shares)
