"""The time a provider's file server writes on its answers; no key is sent and nothing is read but the `Date`."""

from __future__ import annotations

import datetime as dt
import http.client
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

from pipeline.errors import Unavailable

_TIMEOUT_SECONDS = 5.0


def server_time(address: str, *, outside: bool) -> dt.datetime | None:
    """The `Date` (to the second, UTC) of what the server at `address` says to one HEAD; None where it tells none.

    Whatever the answer is, its time counts. A server that is not `outside` this machine (a sandbox) is asked past the
    environment's proxies. `Unavailable` where nothing answers.
    """
    try:
        text = _date(address, outside)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unavailable(f"{address} does not answer ({error})") from error
    try:
        told = parsedate_to_datetime(text)
    except ValueError:
        return None
    return told if told.tzinfo is not None else told.replace(tzinfo=dt.UTC)


def _date(address: str, outside: bool) -> str:
    """The `Date` as it was written; "" where there is none."""
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 (an address of settings)
    proxies = () if outside else (urllib.request.ProxyHandler({}),)
    opener = urllib.request.build_opener(*proxies)
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return str(answer.headers.get("Date", ""))
    except urllib.error.HTTPError as error:
        with error:
            return str(error.headers.get("Date", ""))
