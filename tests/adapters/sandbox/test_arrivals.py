"""A request counts at the moment it reached the machine, however late a thread comes to read it."""

from __future__ import annotations

import array
import fcntl
import socket
import termios
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from adapters.sandbox import control
from adapters.sandbox.arrivals import StampedReader, stamp
from adapters.sandbox.server import Sandbox
from adapters.sandbox.wire import Request, Response, WireServer

#: How far two clocks read one after another may lie apart.
NEAR = 0.05
REQUEST = b"GET /uapi/domestic-stock/v1/quotations/inquire-price HTTP/1.1\r\nappkey: %s\r\n\r\n" % (b"A" * 36)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A listening socket whose connections the kernel stamps; the test is skipped where it does not.

    The kernel begins some time after it is first asked, for the whole machine, and goes on while this socket is open.
    """
    with socket.socket() as listener:
        stamp(listener)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
            for _ in range(200):
                client.sendall(b"x")
                if server.recvmsg(1, 64)[1]:
                    break
                time.sleep(0.01)
            else:
                pytest.skip("the kernel of this machine gives no times of arrival")
        yield listener


@pytest.fixture
def connect() -> Iterator[Callable[[tuple[str, int]], socket.socket]]:
    """Opens connections and closes them after the test."""
    clients: list[socket.socket] = []

    def open_client(address: tuple[str, int]) -> socket.socket:
        clients.append(socket.create_connection(address, timeout=20))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def deliver(client: socket.socket, data: bytes) -> tuple[float, float]:
    """Send, and wait until the other side's kernel has it: the monotonic moments it arrived between."""
    before = time.monotonic()
    client.sendall(data)
    left = array.array("i", [1])
    while left[0]:
        fcntl.ioctl(client, termios.TIOCOUTQ, left)
    return before - NEAR, time.monotonic() + NEAR


def test_what_is_read_late_has_the_time_it_arrived(
    listening: socket.socket, connect: Callable[[tuple[str, int]], socket.socket]
) -> None:
    client = connect(listening.getsockname())
    not_before, not_after = deliver(client, b"one")
    time.sleep(4 * NEAR)
    with listening.accept()[0] as server:
        reader = StampedReader(server)
        buffer = bytearray(16)
        assert (reader.readinto(buffer), bytes(buffer[:3])) == (3, b"one")
        assert not_before <= reader.at <= not_after

        first = reader.at
        not_before, not_after = deliver(client, b"two")
        time.sleep(4 * NEAR)
        assert (reader.readinto(buffer), bytes(buffer[:3])) == (3, b"two")
        assert first < reader.at
        assert not_before <= reader.at <= not_after


@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_that_is_set_meanwhile_moves_no_arrival_out_of_its_order(
    listening: socket.socket,
    connect: Callable[[tuple[str, int]], socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
) -> None:
    client = connect(listening.getsockname())
    deliver(client, b"one")
    with listening.accept()[0] as server:
        reader = StampedReader(server)
        assert reader.readinto(bytearray(16)) == 3
        first = reader.at
        deliver(client, b"two")
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + hours * 3_600_000_000_000)
        assert reader.readinto(bytearray(16)) == 3
        assert first <= reader.at <= time.monotonic()


def test_without_stamps_it_is_the_time_of_reading(connect: Callable[[tuple[str, int]], socket.socket]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = connect(listener.getsockname())
        deliver(client, b"one")
        with listener.accept()[0] as server:
            reader = StampedReader(server)
            before = time.monotonic()
            assert reader.readinto(bytearray(16)) == 3
            assert before <= reader.at <= time.monotonic()


def test_the_end_of_a_connection_is_read_as_its_end(connect: Callable[[tuple[str, int]], socket.socket]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = connect(listener.getsockname())
        with listener.accept()[0] as server:
            client.close()
            assert StampedReader(server).readinto(bytearray(16)) == 0


def test_a_request_that_waited_for_its_server_came_in_when_it_was_sent(
    listening: socket.socket, connect: Callable[[tuple[str, int]], socket.socket]
) -> None:
    moments: list[float] = []

    def answer(request: Request) -> Response:
        moments.append(request.accepted)
        return Response(204)

    server = WireServer(0, answer)
    try:
        client = connect(("127.0.0.1", server.server_address[1]))
        not_before, not_after = deliver(client, REQUEST)
        time.sleep(4 * NEAR)
        server.handle_request()
        assert client.recv(4096).startswith(b"HTTP/1.1 204 ")
        assert len(moments) == 1
        assert not_before <= moments[0] <= not_after
    finally:
        server.hang_up()


def test_two_bursts_more_than_a_second_apart_stay_apart_when_they_are_read_together(
    listening: socket.socket, connect: Callable[[tuple[str, int]], socket.socket]
) -> None:
    sandbox = Sandbox(regions=("KR",), tickers=1)
    address = ("127.0.0.1", urlsplit(sandbox.url).port or 0)
    clients = [connect(address) for _ in range(24)]
    for client in clients[:12]:
        deliver(client, REQUEST)
    time.sleep(1.1)
    for client in clients[12:]:
        deliver(client, REQUEST)
    with sandbox:
        assert all(client.recv(65536) for client in clients)
        report = control.report(sandbox.url)
    assert (report["requests"], report["refused"]) == (24, 0)
    assert report["violations"] == {"per_second": 0, "per_minute": 0, "token": 0}


@pytest.mark.parametrize(
    "half",
    [
        pytest.param(b"GET /_sandbox/in", id="in its first line"),
        pytest.param(b"GET /_sandbox/info HTTP/1.1\r\nappkey: A", id="in its headers"),
        pytest.param(b'POST /_sandbox/limits HTTP/1.1\r\ncontent-length: 20\r\n\r\n{"enforce"', id="in its body"),
    ],
)
def test_a_request_that_breaks_off_is_not_answered(connect: Callable[[tuple[str, int]], socket.socket], half: bytes) -> None:
    with Sandbox(regions=("KR",), tickers=1) as sandbox:
        client = connect(("127.0.0.1", urlsplit(sandbox.url).port or 0))
        client.sendall(half)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(4096) == b""


def test_requests_sent_without_waiting_are_answered_one_after_another(
    connect: Callable[[tuple[str, int]], socket.socket],
) -> None:
    with Sandbox(regions=("KR",), tickers=1) as sandbox:
        client = connect(("127.0.0.1", urlsplit(sandbox.url).port or 0))
        client.sendall(REQUEST * 3 + REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        answered = b""
        while part := client.recv(65536):
            answered += part
        assert answered.count(b"HTTP/1.1 ") == 4
        assert control.report(sandbox.url)["requests"] == 4
