"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rich_click as click

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
