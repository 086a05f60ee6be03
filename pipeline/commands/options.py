"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

if TYPE_CHECKING:
    import datetime as dt

    from pipeline.clock import Clock
    from pipeline.progress import Progress

FORMATS = click.Choice(["table", "json", "csv", "ndjson"])


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--format`: how rows are printed."""
    return click.option(
        "--format", "form", type=FORMATS, help="Default: a table on a terminal, JSON elsewhere."
    )(command)


def now_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--now`: the moment a command takes for now."""
    return click.option(
        "--now", metavar="ISO", help="Take this moment for now, such as 2026-11-20T21:00:00+09:00 (also SPOCK_NOW)."
    )(command)


def regions_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """`REGION…`: one region or more."""
    return click.argument("regions", nargs=-1, required=True, metavar="REGION…")(command)


def clock_of(now: str | None) -> Clock:
    """The moment a command takes for now: `--now`, SPOCK_NOW, a sandbox's clock, the wall clock."""
    from pipeline import clock, settings

    def of_sandbox() -> dt.datetime | None:
        from adapters.sandbox.control import fetch_info

        url = settings.sandbox_url()
        return None if url is None else fetch_info(url).now

    return clock.resolve(now, of_sandbox)


def progress_of(form: str | None) -> Progress:
    """How a command tells what it does, on stderr: bars on a terminal unless `--format` is for a program, else JSON lines."""
    from pipeline.progress import JsonLines

    if form in (None, "table") and sys.stderr.isatty():
        from pipeline.terminal import Bars

        return Bars()
    return JsonLines()
