"""Checks of the machine: versions, folders, disk, private key files."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from pipeline import __version__, resources
from pipeline.doctor.finding import Finding, size

#: What Spock stands on: the names of pyproject.toml's dependencies.
LIBRARIES = (
    "duckdb", "polars", "pyarrow", "httpx", "httpcore", "tenacity", "pandas-market-calendars", "holidays", "pydantic",
    "rich-click", "rich", "tzdata", "pytz", "ta-lib", "yfinance", "curl_cffi", "jinja2",
)  # fmt: skip
OLDEST_PYTHON = (3, 11)
#: Below this a night of a large region may fill the disk.
SPARE_BYTES = 2 * 1024**3


def versions() -> Iterator[Finding]:
    """Python and the libraries Spock stands on."""
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


def folder_is_writable(check: str, folder: Path, variable: str) -> Iterator[Finding]:
    """Whether `folder` (set by `variable`), or the nearest one above that exists, can be written."""
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


def can_be_entered(folder: Path) -> bool:
    """Whether this user may look into `folder`, or into the nearest one above that exists."""
    return os.access(_nearest(folder), os.R_OK | os.X_OK)


def disk(home: Path) -> Iterator[Finding]:
    """Whether a publish, which copies the store, still has room."""
    free = shutil.disk_usage(_nearest(home)).free
    store = home / "spock.duckdb"
    stored = store.stat().st_size if store.is_file() else 0
    words = f"{size(free)} free for {home}"
    if free < stored:
        words = f"{words}, less than the store's {size(stored)}: nothing can be published"
        yield Finding("disk", "wrong", words, "free space")
    elif free < max(SPARE_BYTES, 3 * stored):
        yield Finding("disk", "notice", f"{words}: a publish copies the whole store ({size(stored)})", "free space soon")
    else:
        yield Finding("disk", "ok", words)


def env_files(home: Path) -> Iterator[Finding]:
    """Whether the `.env` files that exist are private."""
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


def _nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one above that exists."""
    return next(place for place in (folder, *folder.parents) if os.path.lexists(place))
