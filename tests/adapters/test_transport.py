"""The transport over real HTTP on loopback, against a small server that misbehaves on demand."""

from __future__ import annotations

import datetime as dt
import email.utils
import gzip
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import adapters.transport
from adapters.breaker import Breaker
from adapters.limiter import Limit, Limiter
from adapters.transport import Answer, Attempt, Transport, key_hash
from pipeline.errors import ConfigError, RateLimited, Terminal, Transient, Unavailable

SECRET = "PLANTED-SECRET-0123456789abcdef"
OK = b'{"ok": true}'


@dataclass(frozen=True)
class Config:
    connect_timeout: float = 1.0
    read_timeout: float = 0.6
    attempts: int = 3
    rate_limit_attempts: int = 6
    backoff_base: float = 0.01
    backoff_max: float = 0.05
    deadline: float = 5.0
    workers: int = 4


@dataclass
class Seen:
    """One request as it reached the server."""

    line: str
    headers: dict[str, str]
    body: bytes
    at: float


Act = Callable[[socket.socket], None]


@dataclass
class Server:
    """Answers each request with the next act, and with `OK` when there are no more."""

    url: str = ""
    acts: list[Act] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_act(self, seen: Seen) -> Act:
        with self.lock:
            self.seen.append(seen)
            return self.acts.pop(0) if self.acts else reply(200, OK)


def reply(status: int, body: bytes = b"", headers: Sequence[str] = ()) -> Act:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + body)


def silence(connection: socket.socket) -> None:
    time.sleep(0.9)


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def cut(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    connection.shutdown(socket.SHUT_RDWR)


def drip(opening: bytes) -> Act:
    """One byte every 0.1 s, well within the read timeout."""

    def act(connection: socket.socket) -> None:
        connection.sendall(opening)
        for _ in range(50):
            time.sleep(0.1)
            connection.sendall(b"x")

    return act


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                while line := self.rfile.readline().decode().strip():
                    headers = {}
                    while text := self.rfile.readline().decode().strip():
                        name, _, value = text.partition(": ")
                        headers[name.lower()] = value
                    body = self.rfile.read(int(headers.get("content-length", "0")))
                    made.next_act(Seen(line, headers, body, time.monotonic()))(self.connection)
            except OSError:
                return

    class Threaded(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Threaded(("127.0.0.1", 0), Handler) as running:
        made.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        running.shutdown()
        thread.join()


@dataclass
class Line:
    """A transport to the server with everything around it."""

    transport: Transport
    limiter: Limiter
    breaker: Breaker
    attempts: list[Attempt]

    def get(self, path: str = "/x", **rest: object) -> Answer:
        return self.transport.request("GET", path, capability="history", **rest)  # type: ignore[arg-type]


Connect = Callable[..., Line]


@pytest.fixture
def connect(server: Server, tmp_path: Path) -> Iterator[Connect]:
    lines: list[Line] = []

    def make(limits: Sequence[Limit] = (), failures: int = 50, **changes: float) -> Line:
        limiter, attempts = Limiter(tmp_path, "key", limits), list[Attempt]()

        def breakers(capability: str) -> Breaker:
            return Breaker(tmp_path, "key", capability, failures, 30.0)

        transport = Transport(
            "kis",
            server.url,
            limiter=limiter,
            breakers=breakers,
            config=replace(Config(), **changes),  # type: ignore[arg-type]
            on_attempt=attempts.append,
        )
        lines.append(Line(transport, limiter, breakers("history"), attempts))
        return lines[-1]

    yield make
    for line in lines:
        line.transport.close()


def test_an_answer_is_read_in_full(server: Server, connect: Connect) -> None:
    server.acts = [reply(200, OK, ["X-Tr-Cont: M"])]
    line = connect()
    answer = line.get("/a/b", params={"FID": "005930"}, headers={"appkey": "k"})
    assert (answer.status, answer.json(), answer.headers["x-tr-cont"]) == (200, {"ok": True}, "M")
    assert 0 < answer.seconds < 1
    assert server.seen[0].line == "GET /a/b?FID=005930 HTTP/1.1"
    assert server.seen[0].headers["appkey"] == "k"
    assert line.transport.sent == 1


def test_a_compressed_answer_is_unpacked(server: Server, connect: Connect) -> None:
    server.acts = [reply(200, gzip.compress(OK), ["Content-Encoding: gzip"])]
    assert connect().get().body == OK


@pytest.mark.parametrize(
    "fault",
    [
        reply(500, b"oops"),
        reply(503),
        reply(408),
        reply(425),
        silence,
        hang_up,
        cut,
        reply(200, b"no gzip", ["Content-Encoding: gzip"]),
        lambda connection: connection.sendall(b"this is not HTTP\r\n\r\n"),
    ],
    ids=["500", "503", "408", "425", "silence", "hang-up", "cut body", "bad gzip", "garbage"],
)
def test_a_passing_fault_is_repeated(server: Server, connect: Connect, fault: Act) -> None:
    server.acts = [fault]
    line = connect()
    assert line.get().body == OK
    assert [attempt.outcome for attempt in line.attempts] == ["transient", "ok"]
    assert line.transport.sent == 2


def test_attempts_are_bounded_and_the_final_error_lists_them(server: Server, connect: Connect) -> None:
    server.acts = [reply(500), cut, reply(502)]
    line = connect()
    with pytest.raises(Unavailable) as caught:
        line.get("/price", params={"token": SECRET})
    said = str(caught.value)
    assert said.startswith("kis: GET /price: HTTP 500; kis: GET /price: RemoteProtocolError (peer closed connection")
    assert said.endswith("kis: GET /price: HTTP 502")
    assert len(server.seen) == 3


def test_equal_failures_are_counted_in_words(server: Server, connect: Connect) -> None:
    server.acts = [reply(500)] * 3
    with pytest.raises(Unavailable, match=r"^kis: GET /x: HTTP 500 \(×3\)$"):
        connect().get()


def test_a_server_that_is_not_there_is_unavailable(connect: Connect, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectError"):
        connect().get(f"http://127.0.0.1:{port}/x")


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404])
def test_any_other_status_is_final(server: Server, connect: Connect, status: int) -> None:
    server.acts = [reply(status, b"", ["Location: /elsewhere"])]
    line = connect()
    with pytest.raises(Terminal, match=rf"^kis: GET /x: HTTP {status}$"):
        line.get()
    assert len(server.seen) == 1
    assert line.attempts[0].outcome == "terminal"


def test_only_gets_are_repeated_unasked(server: Server, connect: Connect) -> None:
    server.acts = [reply(500), reply(500)]
    line = connect()
    with pytest.raises(Unavailable):
        line.transport.request("POST", "/token", capability="token", json={"a": 1})
    assert len(server.seen) == 1
    assert line.transport.request("POST", "/token", capability="token", json={"a": 1}, attempts=2).body == OK
    assert [seen.body for seen in server.seen] == [b'{"a":1}'] * 3


def test_attempts_given_by_the_caller_bound_every_reason(server: Server, connect: Connect) -> None:
    server.acts = [reply(429)] * 3
    with pytest.raises(Unavailable):
        connect().get(attempts=1)
    assert len(server.seen) == 1


def test_retry_after_in_seconds_is_honoured(server: Server, connect: Connect) -> None:
    server.acts = [reply(503, b"", ["Retry-After: 1"])]
    started = time.monotonic()
    connect().get()
    assert 1.0 <= time.monotonic() - started < 2.0


def test_retry_after_as_a_date_counts_by_the_servers_own_clock(server: Server, connect: Connect) -> None:
    now = dt.datetime(2001, 2, 3, tzinfo=dt.UTC)
    then = email.utils.format_datetime(now + dt.timedelta(seconds=1), usegmt=True)
    server.acts = [reply(503, b"", [f"Retry-After: {then}", f"Date: {email.utils.format_datetime(now, usegmt=True)}"])]
    started = time.monotonic()
    connect().get()
    assert 1.0 <= time.monotonic() - started < 2.0


def test_a_retry_after_beyond_the_deadline_gives_up_at_once_with_the_time_to_come_back(
    server: Server, connect: Connect
) -> None:
    server.acts = [reply(503, b"", ["Retry-After: 600"])]
    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"HTTP 503; another attempt would start after the deadline of 5 s") as caught:
        connect().get()
    assert time.monotonic() - started < 1.0
    assert caught.value.retry_at is not None
    assert (caught.value.retry_at - dt.datetime.now(dt.UTC)).total_seconds() == pytest.approx(600, abs=2)


def test_back_off_grows(server: Server, connect: Connect) -> None:
    server.acts = [reply(500)] * 3
    started = time.monotonic()
    connect(attempts=4, backoff_base=0.2, backoff_max=0.4).get()
    assert 0.1 + 0.2 + 0.2 <= time.monotonic() - started < 0.2 + 0.4 + 0.4 + 0.5


@pytest.mark.parametrize(
    "opening",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Header: "],
    ids=["body", "headers"],
)
def test_a_dripping_server_does_not_hold_a_request_beyond_its_deadline(
    server: Server, connect: Connect, opening: bytes
) -> None:
    server.acts = [drip(opening)] * 3
    started = time.monotonic()
    with pytest.raises(Unavailable, match="no whole answer within"):
        connect(deadline=0.7).get()
    assert 0.6 < time.monotonic() - started < 1.2


def test_a_429_has_its_own_budget_slows_the_limiter_and_is_no_breaker_failure(server: Server, connect: Connect) -> None:
    server.acts = [reply(429, b"", ["Retry-After: 0"])]
    line = connect([Limit(100, 1.0)], failures=1)
    started = time.monotonic()
    assert line.get().body == OK
    assert time.monotonic() - started >= 1.0
    assert line.limiter.usage().pace < 0.8
    assert line.breaker.state() == "closed"
    assert [(attempt.outcome, attempt.status) for attempt in line.attempts] == [("rate_limited", 429), ("ok", 200)]


def test_rate_limited_answers_do_not_use_up_the_attempts(server: Server, connect: Connect) -> None:
    server.acts = [reply(429), reply(500), reply(429), reply(500), reply(429), reply(429)]
    line = connect(attempts=3)
    assert line.get().body == OK
    server.acts = [reply(429)] * 6
    with pytest.raises(Unavailable, match=r"HTTP 429 \(×6\)"):
        line.get()


def test_every_attempt_takes_a_slot(server: Server, connect: Connect) -> None:
    server.acts = [reply(500), reply(500)]
    line = connect([Limit(1000, 1.0)])
    line.get()
    assert line.limiter.usage().last_minute == 3


def test_a_slot_is_renewed_when_opening_the_connection_took_long(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = connect([Limit(1, 0.4)])
    opened, delays = socket.create_connection, iter([0.2])

    def first_slow(*args: object, **rest: object) -> socket.socket:
        time.sleep(next(delays, 0.0))
        return opened(*args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_connection", first_slow)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: line.get(), range(2)))
    first, second = sorted(seen.at for seen in server.seen)
    assert second - first >= 0.4


def judge_kis(answer: Answer) -> None:
    """The provider's own words, as KIS writes them."""
    code = answer.json().get("msg_cd")
    if code == "EGW00201":
        raise RateLimited("kis: EGW00201")
    if code == "EGW00123":
        raise Transient("kis: EGW00123", retry_after=0)
    if code is not None:
        raise Terminal(f"kis: {code}")


def test_the_judge_comes_before_the_status(server: Server, connect: Connect) -> None:
    server.acts = [reply(500, b'{"msg_cd": "EGW00201"}'), reply(403, b'{"msg_cd": "EGW00103"}')]
    line = connect()
    with pytest.raises(Terminal, match=r"^kis: EGW00103$"):
        line.get(judge=judge_kis)
    assert [attempt.outcome for attempt in line.attempts] == ["rate_limited", "terminal"]


def test_an_answer_the_judge_lets_pass_still_obeys_the_status_rules(server: Server, connect: Connect) -> None:
    server.acts = [reply(500, b"{}"), reply(404, b"{}")]
    with pytest.raises(Terminal, match="HTTP 404"):
        connect().get(judge=judge_kis)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"msg_cd": '])
def test_a_200_that_is_no_json_is_repeated(server: Server, connect: Connect, body: bytes) -> None:
    server.acts = [reply(200, body)]
    line = connect()
    assert line.get(judge=judge_kis).json() == {"ok": True}
    assert line.attempts[0].detail == f"HTTP 200 with {len(body)} bytes that are no JSON"


def test_headers_are_asked_anew_for_every_attempt(server: Server, connect: Connect) -> None:
    server.acts = [reply(500, b'{"msg_cd": "EGW00123"}')]
    tokens = iter(["old", "new"])
    connect().get(judge=judge_kis, headers=lambda: {"authorization": next(tokens)})
    assert [seen.headers["authorization"] for seen in server.seen] == ["old", "new"]


def test_the_breaker_opens_for_everyone_and_is_not_asked_again(server: Server, connect: Connect) -> None:
    server.acts = [reply(500)] * 3
    line = connect(failures=3)
    with pytest.raises(Unavailable, match="HTTP 500"):
        line.get()
    with pytest.raises(Unavailable, match=r"history: not asked, the last requests failed") as caught:
        connect(failures=3).get()
    assert caught.value.retry_at is not None
    assert len(server.seen) == 3
    assert line.transport.request("GET", "/x", capability="index").body == OK


def test_a_breaker_that_opens_during_a_request_ends_it_with_the_whole_story(server: Server, connect: Connect) -> None:
    server.acts = [reply(500)] * 3
    with pytest.raises(Unavailable, match=r"HTTP 500 \(×2\); history: not asked"):
        connect(failures=2).get()
    assert len(server.seen) == 2


def test_final_answers_and_stale_tokens_are_no_breaker_failures(server: Server, connect: Connect) -> None:
    server.acts = [reply(404), reply(500, b'{"msg_cd": "EGW00123"}'), reply(500, b'{"msg_cd": "EGW00123"}')]
    line = connect(failures=1)
    with pytest.raises(Terminal):
        line.get()
    line.get(judge=judge_kis)
    assert line.breaker.state() == "closed"


def test_a_body_without_end_is_not_read(server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters.transport, "MAX_BODY", 1000)
    server.acts = [reply(200, gzip.compress(b"x" * 100_000), ["Content-Encoding: gzip"])]
    with pytest.raises(Terminal, match="larger than 1000 bytes"):
        connect().get()


@pytest.mark.parametrize("url", ["http://example.com", "http://192.168.1.5:8800", "ftp://127.0.0.1", "127.0.0.1:8800"])
def test_keys_never_travel_in_clear(url: str, tmp_path: Path, connect: Connect) -> None:
    breakers = Breaker(tmp_path, "key", "history", 5, 30.0)
    with pytest.raises(ConfigError, match="use https://"):
        Transport("kis", url, limiter=Limiter(tmp_path, "key", ()), breakers=lambda _: breakers, config=Config())
    if "://" in url:
        with pytest.raises(ConfigError, match="use https://"):
            connect().get(f"{url}/file.zip")


def test_loopback_sees_no_proxy(server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert connect().get().body == OK


def tell_all(answer: Answer) -> None:
    raise Terminal(f"kis: the server said {answer.body.decode()}")


def leaky(error: BaseException) -> str:
    """Everything a log or a traceback would show of an error."""
    texts = []
    found: BaseException | None = error
    while found is not None:
        texts += [str(found), repr(found)]
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n".join(texts)


SECRETS = {
    "params": {"apiKey": SECRET},
    "headers": {"authorization": f"Bearer {SECRET}", "appsecret": SECRET},
    "json": {"appsecret": SECRET},
}


@pytest.mark.parametrize("act", [reply(500), reply(403), reply(429), reply(302), cut, hang_up, silence])
def test_no_secret_reaches_a_message(
    server: Server, connect: Connect, caplog: pytest.LogCaptureFixture, act: Act
) -> None:
    caplog.set_level(logging.DEBUG)
    server.acts = [act] * 6
    line = connect()
    with pytest.raises((Terminal, Unavailable)) as caught:
        line.get(**SECRETS)
    details = "".join(attempt.detail for attempt in line.attempts)
    assert SECRET not in leaky(caught.value) + details + caplog.text


def test_a_secret_the_judge_repeats_is_blotted_out(server: Server, connect: Connect) -> None:
    server.acts = [reply(403, SECRET.encode())]
    with pytest.raises(Terminal, match=r"^kis: the server said \*\*\*$") as caught:
        connect().get(**SECRETS, judge=tell_all)
    assert SECRET not in leaky(caught.value)


@pytest.mark.parametrize("value", [f"{SECRET}\n", f"{SECRET}é", f"{SECRET}\r\nX: y"])
def test_a_key_that_cannot_be_sent_is_not_quoted(server: Server, connect: Connect, value: str) -> None:
    with pytest.raises(Terminal, match="is there a newline or an odd character") as caught:
        connect().get(headers={"appkey": value})
    assert SECRET not in leaky(caught.value)
    assert server.seen == []


def test_a_key_is_named_by_a_hash() -> None:
    assert key_hash(SECRET) == key_hash(SECRET) != key_hash(SECRET + "x")
    assert SECRET not in key_hash(SECRET)


def test_threads_share_connections_and_the_count(server: Server, connect: Connect) -> None:
    line = connect(workers=3, read_timeout=5.0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: line.get().status, range(60)))
    assert answers == [200] * 60
    assert line.transport.sent == 60 == len(line.attempts)
