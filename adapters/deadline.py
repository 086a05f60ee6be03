"""A deadline over everything one request does on the wire.

A read timeout starts anew with every chunk, so a server that drips one byte every few seconds holds a caller for ever,
in the headers as well as in the body. Below the HTTP client, every connect, handshake, read and write gets what is left
of the caller's deadline where that is less than its own timeout.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

_mine = threading.local()

_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """All wire work of this thread inside the block ends after `seconds`, by the client's own timeout errors."""
    _mine.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _mine.until = None


def prolong(seconds: float) -> None:
    """Move this thread's deadline: the time was spent waiting for a slot, not for the provider."""
    until: float | None = getattr(_mine, "until", None)
    if until is not None:
        _mine.until = until + seconds


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    until: float | None = getattr(_mine, "until", None)
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise late("the deadline of the request passed")
    return left if timeout is None else min(left, timeout)


class DeadlineStream(httpcore.NetworkStream):
    """A connection that asks for the deadline before it blocks."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections that keep the deadline."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return DeadlineStream(self._backend.connect_tcp(host, port, left, local_address, socket_options))
