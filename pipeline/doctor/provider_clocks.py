"""Compares this machine's clock with the providers' by the time their file servers tell; sends no key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline import settings
from pipeline.doctor.configured import KEEP_TIME, SKEW, chained
from pipeline.doctor.finding import Finding
from pipeline.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig


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
    from adapters.server_time import server_time

    before = dt.datetime.now(dt.UTC)
    try:
        told = server_time(address, outside=outside)
    except Unavailable as error:
        todo = "check the network and providers.*.files_url, then run it again"
        return Finding("clock", "notice", f"{name}: {error}", todo)
    # The answer was written somewhere between: half the way is the best guess.
    middle = before + (dt.datetime.now(dt.UTC) - before) / 2
    if told is None:
        return Finding("clock", "notice", f"{name}: {address} does not tell its time", KEEP_TIME)
    skew = (middle - told).total_seconds()
    if abs(skew) <= SKEW.total_seconds():
        return Finding("clock", "ok", f"{name}: within {SKEW.total_seconds():g} s of {address}")
    words = f"{name}: this machine is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} {address}"
    return Finding("clock", "wrong", words, KEEP_TIME)
