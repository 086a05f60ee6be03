"""Looks over an installation and says what to do: folders, keys, settings, clock, calendars, store, replica.

Asks no provider and changes nothing of yours; the one address it may ask is the sandbox of `SPOCK_SANDBOX_URL`. A store
of an older schema is brought to today's, as by any command that opens it (a verified copy first).
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline import __version__, calendars, clock, resources, settings
from pipeline.errors import ConfigError, NoReplica, SpockError, StoreLocked, Unavailable, UsageError

if TYPE_CHECKING:
    import duckdb

    from pipeline.settings import ProviderConfig, RegionConfig

#: What Spock stands on: the names of pyproject.toml's dependencies.
LIBRARIES = (
    "duckdb", "polars", "pyarrow", "httpx", "tenacity", "pandas-market-calendars", "holidays", "pydantic", "rich-click",
    "rich", "tzdata", "pytz",
)  # fmt: skip
OLDEST_PYTHON = (3, 11)

#: A calendar that ends within so many days is worth a word: holidays of the next year are announced by then.
CALENDAR_NOTICE = dt.timedelta(days=60)
#: A clock this far from the sandbox's running one disturbs tokens and finality.
SKEW = dt.timedelta(seconds=5)
#: Below this a night of a large region may fill the disk.
SPARE_BYTES = 2 * 1024**3

_LOCK_WAIT_SECONDS = 5.0
_AGAIN = "correct that, then run `spock doctor` again"
_KEEP_TIME = "let the system keep its time (`timedatectl` shows whether it does)"

#: Where a killed command may leave a half-written file, below the home.
_DRAFTS = ("*.draft*", "reports/*.draft", "runs/*/*.draft")

State = Literal["ok", "notice", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One check: `ok`, `notice` (good to know) or `wrong` (commands fail); `todo` is empty where all is well."""

    check: str
    state: State
    words: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding as a row for output."""
        return {"check": self.check, "state": self.state, "words": self.words, "todo": self.todo}


def examine() -> list[Finding]:
    """All checks, each with at least one finding; never raises for what it finds."""
    home, state = settings.home(), settings.state_dir()
    configs, findings = _settings()
    now, clocks = _clock()
    return [
        *_versions(),
        *_folder("home", home, "SPOCK_HOME"),
        *_folder("state folder", state, "SPOCK_STATE_DIR"),
        *_disk(home),
        *_env_files(home),
        *findings,
        *_keys(configs),
        *_limits(configs),
        *clocks,
        *_calendars(configs, now),
        *_store(home),
        *_replica(home),
        *_state(home),
        *_leftovers(home, state),
    ]


def _versions() -> Iterator[Finding]:
    python = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        yield Finding("python", "wrong", f"Python {python}", "make the environment anew with Python 3.11 or newer")
    else:
        yield Finding("python", "ok", f"Python {python}, Spock {__version__}")
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        todo = "install Spock again (`make demo` in a checkout)"
        yield Finding("libraries", "wrong", f"not installed: {', '.join(missing)}", todo)
    else:
        yield Finding("libraries", "ok", ", ".join(found))


def _folder(check: str, folder: Path, variable: str) -> Iterator[Finding]:
    place = _nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        todo = f"check the mount and the owner of {place}, or point {variable} at a folder you can write to"
        yield Finding(check, "wrong", f"{place} can't be written: {error.strerror}", todo)
        return
    words = "can be written" if place == folder else "will be made when it is needed"
    yield Finding(check, "ok", f"{folder} {words}")


def _disk(home: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(_nearest(home)).free
    store = home / "spock.duckdb"
    size = store.stat().st_size if store.is_file() else 0
    words = f"{_size(free)} free for {home}"
    if free < size:
        words = f"{words}, less than the store's {_size(size)}: nothing can be published"
        yield Finding("disk", "wrong", words, "free space")
    elif free < max(SPARE_BYTES, 3 * size):
        yield Finding("disk", "notice", f"{words}: a publish copies the whole store ({_size(size)})", "free space soon")
    else:
        yield Finding("disk", "ok", words)


def _env_files(home: Path) -> Iterator[Finding]:
    root = resources.checkout_root()
    files = [path for folder in dict.fromkeys([home, *([root] if root else [])]) if (path := folder / ".env").is_file()]
    for path in files:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            words = f"{path} holds keys and others may read it (mode {mode:04o})"
            yield Finding(".env", "wrong", words, f"chmod 600 {path}")
        else:
            yield Finding(".env", "ok", f"{path} is private (mode {mode:04o})")
    if not files:
        yield Finding(".env", "ok", "no .env: keys come from the environment or systemd credentials, if at all")


def _settings() -> tuple[list[RegionConfig], list[Finding]]:
    configs, findings = [], []
    for region in settings.available_regions():
        try:
            configs.append(settings.get_config(region))
        except ConfigError as error:
            findings.append(Finding("settings", "wrong", str(error), _AGAIN))
    if not findings:
        findings.append(Finding("settings", "ok", f"{len(configs)} regions load: {_by_status(configs)}"))
    return configs, findings


def _by_status(configs: list[RegionConfig]) -> str:
    groups: dict[str, list[str]] = {}
    for config in configs:
        groups.setdefault(config.status, []).append(config.region)
    return "; ".join(f"{status} {' '.join(regions)}" for status, regions in groups.items())


def _keys(configs: list[RegionConfig]) -> Iterator[Finding]:
    """Which keys are set, by name and place; a value never leaves `settings.secret`."""
    from adapters.factory import OPENERS

    for name, provider, regions in _chained(configs):
        if not provider.keys:
            continue
        try:
            places = {key: settings.secret_origin(key) for key in provider.keys}
        except ConfigError as error:
            yield Finding("keys", "wrong", f"{name}: {error}", _AGAIN)
            continue
        words = f"{name} ({' '.join(regions)}): " + ", ".join(
            f"{key} set ({place})" if place else f"{key} missing" for key, place in places.items()
        )
        if name not in OPENERS:
            yield Finding("keys", "ok", f"{words}; this version has no adapter for {name} yet")
        elif all(places.values()):
            yield Finding("keys", "ok", words)
        else:
            todo = "put them into .env (see .env.example), or set SPOCK_SANDBOX_URL to try the sandbox"
            yield Finding("keys", "notice", words, todo)


def _limits(configs: list[RegionConfig]) -> Iterator[Finding]:
    for name, provider, _ in _chained(configs):
        host = provider.hosts.get(provider.account)
        limits = host.limits if host is not None and host.limits else provider.limits
        account = f"{name} ({provider.account})" if provider.account else name
        if limits:
            told = " and ".join(f"{limit.requests:,} in {limit.seconds:g} s" for limit in limits)
            yield Finding("limits", "ok", f"{account}: at most {told}")
        else:
            todo = f"set providers.{name}.limits, or the limits of its host"
            yield Finding("limits", "notice", f"{account}: no limit is set: requests go out as fast as they can", todo)


def _chained(configs: list[RegionConfig]) -> Iterator[tuple[str, ProviderConfig, list[str]]]:
    """Every provider some region's chain names, its settings (of the first such region), and those regions."""
    providers: dict[str, tuple[ProviderConfig, list[str]]] = {}
    for config in configs:
        for name in dict.fromkeys(name for names in config.chain.values() for name in names):
            providers.setdefault(name, (config.providers[name], []))[1].append(config.region)
    for name, (provider, regions) in providers.items():
        yield name, provider, regions


def _clock() -> tuple[dt.datetime, list[Finding]]:
    """The moment commands would take for now, and what is to be said about it."""
    from adapters.sandbox import control

    wall = dt.datetime.now(dt.UTC)
    try:
        found = clock.resolve()
        url = settings.sandbox_url()
        if found.source == "SPOCK_NOW":
            words = f"SPOCK_NOW holds every command at {found.now:%Y-%m-%d %H:%M} UTC"
            return found.now, [Finding("clock", "notice", words, "unset SPOCK_NOW for tonight's sessions")]
        if url is None:
            words = f"{wall:%Y-%m-%d %H:%M} UTC by this machine; not compared, since no provider is asked here"
            return wall, [Finding("clock", "notice", words, _KEEP_TIME)]
        info = control.fetch_info(url)
    except (UsageError, Unavailable) as error:
        return wall, [Finding("clock", "wrong", str(error), "correct the variable it names")]
    skew = info.now - dt.datetime.now(dt.UTC)
    if info.frozen:
        return info.now, [Finding("clock", "ok", f"the sandbox holds {info.now:%Y-%m-%d %H:%M} UTC (frozen)")]
    if abs(skew) > SKEW:
        side = "behind" if skew > dt.timedelta() else "ahead of"
        words = f"this machine is {abs(skew.total_seconds()):.0f} s {side} the sandbox"
        return info.now, [Finding("clock", "notice", words, _KEEP_TIME)]
    return info.now, [Finding("clock", "ok", f"within {SKEW.total_seconds():g} s of the sandbox")]


def _calendars(configs: list[RegionConfig], now: dt.datetime) -> Iterator[Finding]:
    packaged = calendars.available()
    for config in configs:
        wanted = tuple(dict.fromkeys(venue.calendar for venue in config.venues))
        missing = [mic for mic in wanted if mic not in packaged]
        if missing:
            words = f"{config.region}: no packaged calendar for {', '.join(missing)}"
            yield Finding("calendar", "notice", words, "none: its nights begin with a version that has them")
        for mic in wanted:
            if mic in packaged:
                yield _calendar_end(config.region, mic, now)


def _calendar_end(region: str, mic: str, now: dt.datetime) -> Finding:
    last = calendars.calendar(mic).last
    left = last - now.date()
    words = f"{region}: {mic} is known until {last}"
    todo = "upgrade Spock, or extend calendars/overrides.toml and run `spock calendar build`"
    if left < dt.timedelta():
        return Finding("calendar", "wrong", words, todo)
    if left <= CALENDAR_NOTICE:
        return Finding("calendar", "notice", f"{words}, in {left.days} days", todo)
    return Finding("calendar", "ok", words)


def _store(home: Path) -> Iterator[Finding]:
    from pipeline.store import Store

    store = Store(home, lock_wait_seconds=_LOCK_WAIT_SECONDS)
    if not store.exists():
        todo = "run `spock nightly KR`, or `spock demo` to see one"
        yield Finding("store", "notice", f"{home} holds no store yet", todo)
        return
    try:
        schema, origins, duplicates = store.look(_looked_over, "doctor")
    except StoreLocked as error:
        yield Finding("store", "notice", str(error), "run `spock doctor` again when it has ended")
        return
    except SpockError as error:
        todo = "do what the message says; `spock sql` still reads the last replica"
        yield Finding("store", "wrong", str(error), todo)
        return
    origin = origins[0] if origins else None
    words = f"{store.path} opens: schema {schema}, {origin or 'empty'}, {_size(store.path.stat().st_size)}"
    yield Finding("store", "ok", words)
    for table, count in duplicates:
        yield Finding(
            "store",
            "wrong",
            f"{count:,} keys stand more than once in {table}: nothing can be published",
            "restore the last backup (see backups/README.md)",
        )
    yield from _origin(origin)


def _looked_over(connection: duckdb.DuckDBPyConnection) -> tuple[int, list[str], list[tuple[str, int]]]:
    """Schema number, origin (none in a store without rows), and tables with keys that stand twice."""
    from pipeline.store.file import rows

    schema = max((number for number, _ in rows(connection, "store/applied_migrations")), default=0)
    origins = [origin for origin, _ in rows(connection, "store/origin")]
    return schema, origins, [(table, count) for table, count in rows(connection, "store/duplicate_keys")]


def _origin(origin: str | None) -> Iterator[Finding]:
    try:
        here = settings.origin()
    except ConfigError:
        return  # the clock's finding says it
    if origin is not None and origin != here:
        words = f"the store holds {origin} rows and refuses {here} ones"
        todo = "unset SPOCK_SANDBOX_URL" if here == "sandbox" else "set SPOCK_SANDBOX_URL"
        yield Finding("origin", "notice", words, f"to collect here {todo}, or point SPOCK_HOME at another folder")


def _replica(home: Path) -> Iterator[Finding]:
    from pipeline.store import Store
    from pipeline.store.file import rows, translated

    store = Store(home, lock_wait_seconds=_LOCK_WAIT_SECONDS)
    if not store.exists() and not (home / "replica.duckdb").is_symlink():
        return
    try:
        connection = store.read()
        try:
            with translated(home):
                as_of, published_at, batches = rows(connection, "store/replica_standing")[0]
        finally:
            connection.close()
        held = store.look(_batches, "doctor") if store.exists() else batches
    except NoReplica as error:
        yield Finding("replica", "notice", str(error), "run `spock publish`")
        return
    except StoreLocked:
        return  # the store's finding says it
    except SpockError as error:
        yield Finding("replica", "wrong", str(error), "run `spock publish`")
        return
    age = dt.datetime.now(dt.UTC) - published_at
    words = f"as of {as_of:%Y-%m-%d %H:%M} UTC, published {_age(age)} ago"
    if held > batches:
        yield Finding("replica", "notice", f"{words}; {held - batches:,} batches are newer", "run `spock publish`")
    else:
        yield Finding("replica", "ok", words)


def _batches(connection: duckdb.DuckDBPyConnection) -> int:
    from pipeline.store.file import rows

    return int(rows(connection, "store/commit_count")[0][0])


def _state(home: Path) -> Iterator[Finding]:
    from pipeline.state import State

    state = State(home)
    if not state.path.exists():
        return
    try:
        runs = state.runs(limit=1)
    except SpockError as error:
        yield Finding("state", "wrong", str(error), "do what the message says")
        return
    finally:
        state.close()
    if not runs:
        yield Finding("state", "ok", f"{state.path} opens; no run yet")
        return
    last = runs[0]
    words = f"{state.path} opens; last run {last['run_id']}: {last['status']}"
    if last["status"] == "complete":
        yield Finding("state", "ok", words)
    elif last["status"] == "running":
        yield Finding("state", "notice", words, "if it is not running any more: the same command goes on where it was")
    else:
        yield Finding("state", "notice", words, "see `spock runs`; the same command asks for what is missing")


def _leftovers(home: Path, state: Path) -> Iterator[Finding]:
    drafts = [path for pattern in _DRAFTS for path in sorted(home.glob(pattern))]
    aside = [*sorted(home.glob("*.aside")), *sorted(state.glob("*.damaged"))]
    for path in drafts:
        yield Finding("leftovers", "notice", f"{path}: half written", "delete it, unless a command is running")
    for path in aside:
        words = f"{path}: {_size(path.stat().st_size)} moved aside"
        yield Finding("leftovers", "notice", words, "delete it when you don't need it")
    wal = home / "spock.duckdb.wal"
    if wal.exists() and not (home / "spock.duckdb").exists():
        todo = "move it away, or restore spock.duckdb beside it"
        yield Finding("leftovers", "wrong", f"{wal}: a write-ahead log without its store", todo)
    elif not drafts and not aside:
        yield Finding("leftovers", "ok", "none")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above that exists."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _age(age: dt.timedelta) -> str:
    minutes = max(0, round(age.total_seconds() / 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
