"""Checks of what is followed: which regions are on, and whether the tickers that settings name are listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import settings
from pipeline.doctor.finding import Finding
from pipeline.errors import SpockError

if TYPE_CHECKING:
    import duckdb

    from pipeline.settings import RegionConfig

_STATUSES = ("live", "test", "off")
#: A store that is being written for longer is told by its own check.
_LOCK_WAIT_SECONDS = 5.0


def regions(configs: list[RegionConfig], home: Path) -> Iterator[Finding]:
    """Which regions are live, tested or off: the home's own choice before settings; and those on that nobody can serve."""
    from adapters.factory import OPENERS

    standing = {config.region: config.status for config in configs} | _chosen(home)
    groups = {status: [region for region, found in standing.items() if found == status] for status in _STATUSES}
    told = "; ".join(f"{status} {' '.join(names)}" for status, names in groups.items() if names)
    yield Finding("regions", "ok", told or "none")
    for config in configs:
        asked = config.chain.get("history", ())
        if standing[config.region] != "off" and not any(name in OPENERS for name in asked):
            words = f"{config.region} is {standing[config.region]}, but for {', '.join(asked)} this version has no adapter"
            todo = f"set SPOCK_REGIONS__{config.region}__STATUS=off, or name another provider in chain.history"
            yield Finding("regions", "wrong", words, todo)


def unlisted(configs: list[RegionConfig], home: Path) -> Iterator[Finding]:
    """Tickers of a region's watchlist and banks that no listing of the store has; silent where no list was fetched yet."""
    from pipeline.store import Store

    store = Store(home, lock_wait_seconds=_LOCK_WAIT_SECONDS)
    if not store.exists():
        return
    try:
        listed, origin = store.look(_listed, "doctor"), settings.origin()
    except SpockError:
        return  # the store's finding says it
    sandbox = origin == "sandbox"
    for config in configs:
        known = listed.get(config.region)
        if known is None:
            continue
        for setting, tickers in (("watchlist", config.watchlist), ("banks", config.banks)):
            missing = [ticker for ticker in tickers if ticker not in known]
            if missing:
                words = f"{config.region}: no list shows {', '.join(missing)} of {setting}: nothing is collected for them"
                todo = f"`spock ticker find` shows how they are written: set {setting} in settings.toml"
                yield Finding("watchlist", "notice", words, "nothing: a sandbox lists few names" if sandbox else todo)


def _listed(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """The tickers of the newest lists by region."""
    from pipeline.store.file import rows
    from pipeline.universe import NEVER_SEEN

    found: dict[str, set[str]] = {}
    for region, ticker in rows(connection, "doctor/listed", never=NEVER_SEEN):
        found.setdefault(region, set()).add(ticker)
    return found


def _chosen(home: Path) -> dict[str, str]:
    """The statuses that the operations database holds; one that can't be read has its own finding."""
    from pipeline.state import State

    state = State(home)
    if not state.path.exists():
        return {}
    try:
        return state.region_statuses()
    except SpockError:
        return {}
    finally:
        state.close()
