"""Rows for a person or a program: a table on a terminal, JSON, CSV or NDJSON elsewhere."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

FORMATS = ("table", "json", "csv", "ndjson")


def chosen(asked: str | None, stream: TextIO | None = None) -> str:
    """The format asked for, else a table on a terminal and JSON off it."""
    if asked is not None:
        return asked
    return "table" if (stream or sys.stdout).isatty() else "json"


def show(rows: Sequence[Mapping[str, Any]], form: str, *, title: str | None = None, stream: TextIO | None = None) -> None:
    """Print rows of the same columns. `json` is one array, `ndjson` one object a line, `csv` has a header.

    A reader that went away (`spock sql … | head`) has seen enough: no error.
    """
    out = stream or sys.stdout
    try:
        _write(rows, form, title, out)
        out.flush()
    except BrokenPipeError:
        # What is still buffered would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _write(rows: Sequence[Mapping[str, Any]], form: str, title: str | None, out: TextIO) -> None:
    if form == "json":
        print(json.dumps([dict(row) for row in rows], ensure_ascii=False, default=_plain), file=out)
    elif form == "ndjson":
        for row in rows:
            print(json.dumps(dict(row), ensure_ascii=False, default=_plain), file=out)
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        if rows:
            writer.writerow(rows[0].keys())
        writer.writerows([_cell(value) for value in row.values()] for row in rows)
    else:
        _table(rows, title, out)


def _table(rows: Sequence[Mapping[str, Any]], title: str | None, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        print("nothing", file=out)
        return
    table = Table(title=title, title_justify="left")
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int | float) else "left")
    for row in rows:
        table.add_row(*(_readable(value) for value in row.values()))
    # Off a terminal rich assumes 80 columns and would cut values: nobody reads a cut number.
    console = Console(file=out, width=None if out.isatty() else 10_000)
    if table.__rich_measure__(console, console.options.update(max_width=10_000)).maximum <= console.width:
        console.print(table, crop=False)
    else:
        _lines(rows, title, out)


def _lines(rows: Sequence[Mapping[str, Any]], title: str | None, out: TextIO) -> None:
    """Rows too wide for the terminal, one value a line: a cut number would be read as another number."""
    if title:
        print(title, file=out)
    for number, row in enumerate(rows):
        if number:
            print(file=out)
        width = max(map(len, row))
        for name, value in row.items():
            print(f"{name:<{width}}  {_readable(value)}", file=out)


def _readable(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_readable(one)}" for name, one in value.items())
    return str(_plain(value)) if not isinstance(value, str) else value


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return "" if value is None else _plain(value) if isinstance(value, dt.date | dt.datetime) else value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date | dt.datetime | dt.time) else str(value)
