"""The demo: a whole night of every region against our own sandbox over real HTTP, ending with what a newcomer wants to see."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: A Friday evening in Seoul, after Asia's sessions are final, while Europe trades and New York's of Thursday became final at
#: noon: the same demo, the same numbers, on any day.
NOW = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)

#: What nights leave in a home; a person's `.env` and `settings.toml` beside them stay.
_MADE_HERE = ("spock.", "state.sqlite", "replica", "runs", "reports", "machine")


def run(*, tickers: int, sessions: int, keep: bool = False) -> int:
    """Run it and print a table, one SQL answer and the paths; returns the exit code of the night."""
    from adapters import factory
    from adapters.sandbox.server import Sandbox
    from pipeline import output, queries, report, settings
    from pipeline.clock import Clock
    from pipeline.nightly import Nights, exit_code
    from pipeline.outcome import Outcome

    regions = settings.available_regions()
    base = settings.home()
    home = base if base.name == "demo" else base / "demo"
    if not keep and home.exists():
        _clear(home)
    with Sandbox(regions=regions, tickers=tickers, enforce_limits=False, now=NOW) as sandbox:
        changes = {
            "SPOCK_HOME": str(home),
            "SPOCK_STATE_DIR": str(home / "machine"),
            "SPOCK_SANDBOX_URL": sandbox.url,
            "SPOCK_COLLECT__INITIAL_SESSIONS": str(sessions),
        }
        for region in regions:
            # A name that every sandbox has: a small one lists few of the settings' watchlists.
            changes[f"SPOCK_REGIONS__{region}__WATCHLIST"] = f'["{settings.get_config(region).banks[0]}"]'
        with _environment(changes):
            factory.reset()
            results = Nights(home, Clock(NOW, "sandbox")).nightly(regions)
            factory.reset()
    columns = ("region", "sessions", "tickers", "rows", "coverage", "requests", "seconds")
    rows = [result.as_dict() for result in results]
    output.show([{name: row[name] for name in columns} for row in rows], "table", title="Tonight, from the sandbox")
    for row in rows:
        for note in [row.get("error"), *row.get("notes", ())]:
            if note:
                print(f"{row['region']}: {note}")
    if any(isinstance(result, Outcome) for result in results):
        output.show(queries.run(home, "relative_strength"), "table", title="spock sql relative_strength")
    print(f"store   {home / 'replica.duckdb'}")
    print(f"report  {report.path(home, NOW.date())}")
    print(f"more    SPOCK_HOME={_short(home)} .venv/bin/spock sql --list")
    return exit_code(results)


def _clear(home: Path) -> None:
    """Begin anew, but only in a home of the sandbox: anything else in that folder is not ours to delete."""
    from pipeline.errors import StoreError, UsageError
    from pipeline.store import Store, file

    if not any(home.iterdir()):
        return
    store = Store(home)
    try:
        origins = store.look(lambda connection: file.rows(connection, "store/origin")) if store.exists() else []
    except StoreError as error:
        raise UsageError(f"{home}: the demo can't tell what is in there and does not clear it: {error}") from error
    if not origins or origins[0][0] != "sandbox":
        held = "live data" if origins else "no store of the sandbox"
        raise UsageError(f"{home}: holds {held}, so the demo does not clear it: move it away, or use --keep")
    for path in home.iterdir():
        if path.name.startswith(_MADE_HERE):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Settings of the demo for this process, and back."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
