"""The page in short, for the terminal that a night was started from."""

from __future__ import annotations

from pathlib import Path

from pipeline import output
from pipeline.report.facts import Facts
from pipeline.report.page import path

_PROVIDERS = ("region", "provider", "capability", "attempts", "ok", "rate_limited", "failed", "seconds_each")
_REFUSED = ("region", "rule", "rows", "tickers", "newest", "example")
_MISSING = ("region", "state", "reason", "cells", "tickers", "newest", "example")
_SLOWEST = ("region", "ticker", "seconds", "pages")
_SHOWN = 10


def show(facts: Facts, home: Path) -> None:
    """Print the sections a person looks at first, each cut to ten rows, as of when they hold, and where the page is."""
    standing = ("region", "last_complete_session", "last_session", "coverage", "tickers", "bars")
    for title, rows, columns in (
        ("Regions", facts.regions, standing),
        ("Providers", facts.providers, _PROVIDERS),
        ("Missing", facts.gaps, _MISSING),
        ("Refused rows", facts.refused, _REFUSED),
        ("Slowest tickers", facts.slowest, _SLOWEST),
    ):
        if rows:
            output.show([{name: row[name] for name in columns} for row in rows[:_SHOWN]], "table", title=title)
        if len(rows) > _SHOWN:
            print(f"and {len(rows) - _SHOWN} more on the page")
    print(f"as of   {facts.as_of:%Y-%m-%d %H:%M} UTC")
    print(f"report  {path(home, facts.day)}")
