"""The session that yfinance takes for its own: curl_cffi's, going out through our door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adapters.door import Door, Reply
from adapters.transport import MAX_BODY

if TYPE_CHECKING:
    from curl_cffi.requests import Session


def guarded_session(door: Door) -> Session[Any]:
    """A curl_cffi session (a browser's TLS handshake) that sends nothing but through `door`.

    Imported here: curl_cffi costs 0.1 s. A sandbox on this machine is asked past the environment's proxies.
    """
    from curl_cffi import CurlInfo, CurlOpt
    from curl_cffi.requests import Session

    class Guarded(Session[Any]):
        def request(self, method: Any, url: str, **rest: Any) -> Any:  # type: ignore[override]
            for name in ("timeout", "allow_redirects"):
                rest.pop(name, None)
            first = door.address(url)

            def perform(how: str, address: str, seconds: float) -> Reply:
                sent: Mapping[str, Any] = rest
                if address != first:
                    # A redirect's target: its address says all; a form goes along only where the method stays.
                    left_out = {"params"} if how == method else {"params", "data", "json"}
                    sent = {name: value for name, value in rest.items() if name not in left_out}
                timeout = (door.config.connect_timeout, seconds)
                reply: Reply = super(Guarded, self).request(
                    how, address, timeout=timeout, allow_redirects=False, **sent  # type: ignore[arg-type]
                )
                return reply

            return door.request(str(method), url, perform)

    options: dict[Any, Any] = {CurlOpt.MAXFILESIZE_LARGE: MAX_BODY}
    if door.origin is not None:
        options[CurlOpt.NOPROXY] = "*"
    return Guarded(
        impersonate="chrome",
        trust_env=door.origin is None,
        curl_options=options,
        curl_infos=[CurlInfo.NUM_CONNECTS],
    )
