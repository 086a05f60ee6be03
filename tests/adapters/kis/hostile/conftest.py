"""The host of these tests over real HTTP, and adapters that ask it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from adapters.kis import Credentials, KisAdapter
from pipeline.settings import get_config

from .host import Host


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """The host, running."""
    made = Host()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        #: Head and body leave together: two small segments would wait for an acknowledgement in between.
        wbufsize = -1

        def _serve(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            body = made.reply(urlsplit(self.path).path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("tr_cont", made.more)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def adapters(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, KisAdapter]]:
    """One adapter a region on the host: no limits, one attempt a request, a breaker that never opens."""
    folder = tmp_path_factory.mktemp("hostile")
    made = {}
    for region in ("KR", "US"):
        config = get_config(region)
        transport = config.transport.model_copy(
            update={"attempts": 1, "backoff_base": 0.001, "backoff_max": 0.002, "breaker_failures": 1_000_000}
        )
        made[region] = KisAdapter(
            config.model_copy(update={"transport": transport}),
            Credentials("K" * 36, "S" * 180),
            state_dir=folder / region,
            base_url=host.url,
            files_url=f"{host.url}/files/",
            limits=(),
        )
    yield made
    for adapter in made.values():
        adapter.close()
