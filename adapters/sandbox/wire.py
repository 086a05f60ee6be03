"""HTTP/1.1 as KIS writes it: keep-alive, Title-Case standard headers, lower-case tr_id, tr_cont and gt_uid. Yahoo's too.

One thread a connection over the standard library's socket server. A request carries when its first line reached this
machine (`arrivals`): that is the moment the ledger counts.
"""

from __future__ import annotations

import io
import json
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters.sandbox.arrivals import StampedReader, stamp

JSON_TYPE = "application/json; charset=utf-8"
_MAX_LINE = 65_536
_MAX_HEADERS = 200
_MAX_BODY = 4_000_000
_IDLE_SECONDS = 300.0


@dataclass(frozen=True)
class Request:
    """One request; header names lower case; `accepted`, when it reached this machine, in monotonic seconds."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    accepted: float

    def json(self) -> Any:
        """The body's JSON; `ValueError` where it is none."""
        return json.loads(self.body or b"{}")


@dataclass(frozen=True)
class Response:
    """One answer. `fate`: "send" it, "slow" after `delay` seconds, "cut" in half, "hang_up" without, "silence" for `delay`."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    fate: str = "send"
    delay: float = 0.0

    def encoded(self, *, keep_alive: bool) -> bytes:
        """The bytes on the wire."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Date: {formatdate(usegmt=True)}",
            "Server: sandbox",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
        ]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode(), headers or {})


class _BadRequest(Exception):
    """What came in is no HTTP request we read."""


class _Connection(socketserver.StreamRequestHandler):
    """Serves the requests of one connection, one after another."""

    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    server: WireServer

    def setup(self) -> None:
        super().setup()
        self._arrivals = StampedReader(self.connection)
        self.rfile.close()
        self.rfile = io.BufferedReader(self._arrivals)

    def handle(self) -> None:
        self.server.track(self.connection)
        try:
            while self._serve_one():
                pass
        except (OSError, _BadRequest):
            return  # the peer went away or does not speak HTTP: nobody is left to tell
        finally:
            self.server.forget(self.connection)

    def _serve_one(self) -> bool:
        """Read and answer one request; False when the connection ends with it."""
        line = self.rfile.readline(_MAX_LINE)
        accepted = self._arrivals.at
        if not line:
            return False
        if line in (b"\r\n", b"\n"):
            return True
        request = self._read(line, accepted)
        keep_alive = request.headers.get("connection", "").lower() != "close" and not line.endswith(b"HTTP/1.0\r\n")
        response = self.server.answer(request)
        if response.fate == "hang_up" or (response.fate == "slow" and self.server.stopping.wait(response.delay)):
            return False
        if response.fate == "silence":
            self._keep_silent(response.delay)
            return False
        encoded = response.encoded(keep_alive=keep_alive)
        if response.fate == "cut":
            self.connection.sendall(encoded[: len(encoded) - max(len(response.body) // 2, 1)])
            return False
        self.connection.sendall(encoded)
        return keep_alive

    def _read(self, line: bytes, accepted: float) -> Request:
        """The request that begins with this line."""
        try:
            method, target, _ = line.decode("latin-1").split()
        except ValueError:
            raise _BadRequest(repr(line)) from None
        headers: dict[str, str] = {}
        while (raw := self.rfile.readline(_MAX_LINE)) not in (b"\r\n", b"\n"):
            name, colon, value = raw.decode("latin-1").partition(":")
            if not colon or len(headers) >= _MAX_HEADERS:
                raise _BadRequest(repr(raw))
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY:
            raise _BadRequest(f"content-length {length}")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _BadRequest(f"{len(body)} of {length} bytes")
        try:
            parts = urlsplit(target)
        except ValueError:
            raise _BadRequest(target) from None
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return Request(method, parts.path, query, headers, body, accepted)

    def _keep_silent(self, seconds: float) -> None:
        """Say nothing until the time is over, the client hangs up, or the server stops."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not self.server.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], min(left, 0.2))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return


class WireServer(socketserver.ThreadingTCPServer):
    """A listening socket on loopback; `answer` turns a request into a response."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, port: int, answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def server_bind(self) -> None:
        """Bind, with the times of arrival kept from the first connection on."""
        stamp(self.socket)
        super().server_bind()

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def track(self, connection: socket.socket) -> None:
        """Remember an open connection."""
        with self._lock:
            self._open.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """A connection ended."""
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """Close the listening socket and every connection."""
        self.stopping.set()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already gone
