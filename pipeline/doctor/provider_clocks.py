"""Compares this machine's clock with the providers' by the time their file servers write on an answer; sends no key."""

from __future__ import annotations

import datetime as dt
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pipeline import settings
from pipeline.doctor.configured import KEEP_TIME, SKEW, chained
from pipeline.doctor.finding import Finding
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

_TIMEOUT_SECONDS = 5.0


def provider_clocks(configs: list[RegionConfig]) -> Iterator[Finding]:
    """One request to the file server of each provider that a region which is on may ask; any answer tells the time."""
    try:
        sandbox = settings.sandbox_url()
    except ConfigError:
        return  # the clock's finding says it
    for name, provider, _ in chained([config for config in configs if config.status != "off"]):
        if provider.files_url:
            yield _compared(name, provider.files_url if sandbox is None else f"{sandbox}/common/master/", sandbox is None)


def _compared(name: str, address: str, outside: bool) -> Finding:
    before = dt.datetime.now(dt.UTC)
    try:
        told = _date(address, outside)
    except (OSError, http.client.HTTPException, ValueError) as error:
        words = f"{name}: {address} does not answer ({error})"
        return Finding("clock", "notice", words, "check the network and providers.*.files_url, then run it again")
    # The answer was written somewhere between: half the way is the best guess.
    middle = before + (dt.datetime.now(dt.UTC) - before) / 2
    if told is None:
        return Finding("clock", "notice", f"{name}: {address} does not tell its time", KEEP_TIME)
    skew = (middle - told).total_seconds()
    if abs(skew) <= SKEW.total_seconds():
        return Finding("clock", "ok", f"{name}: within {SKEW.total_seconds():g} s of {address}")
    words = f"{name}: this machine is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} {address}"
    return Finding("clock", "wrong", words, KEEP_TIME)


def _date(address: str, outside: bool) -> dt.datetime | None:
    """The `Date` of an answer as an aware datetime; None where it has none or it can't be read."""
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 (an address of settings)
    # A sandbox is on this machine, whatever the environment says about proxies.
    opener = urllib.request.build_opener() if outside else urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            text = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        with error:
            text = error.headers.get("Date")
    try:
        told = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return told if told.tzinfo is not None else told.replace(tzinfo=dt.UTC)
