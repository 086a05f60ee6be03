"""Where things stand on this machine: the home of a store, the machine's state folder, the sandbox if there is one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pipeline import resources
from pipeline.errors import ConfigError


def home() -> Path:
    """The folder of the store: `SPOCK_HOME`, else the checkout's `data/`, else the XDG data folder's `spock/`."""
    given = _variable("SPOCK_HOME")
    if given:
        return Path(given).expanduser().absolute()
    root = resources.checkout_root()
    return root / "data" if root is not None else _xdg("XDG_DATA_HOME", ".local/share")


def state_dir() -> Path:
    """The folder that limiter, breakers and tokens of all processes of the machine share: `SPOCK_STATE_DIR`, else
    `$XDG_STATE_HOME/spock`, else `~/.local/state/spock`."""
    given = _variable("SPOCK_STATE_DIR")
    return Path(given).expanduser().absolute() if given else _xdg("XDG_STATE_HOME", ".local/state")


def sandbox_url() -> str | None:
    """`SPOCK_SANDBOX_URL` without a trailing slash: every provider is redirected there; None when it is not set."""
    url = _variable("SPOCK_SANDBOX_URL").rstrip("/")
    if not url:
        return None
    scheme, separator, rest = url.partition("://")
    if scheme not in ("http", "https") or not separator or not rest:
        raise ConfigError(f"SPOCK_SANDBOX_URL {url!r} is no address: write it like http://127.0.0.1:8800, or unset it")
    return url


def origin() -> Literal["live", "sandbox"]:
    """What rows fetched now are made of: `sandbox` when `SPOCK_SANDBOX_URL` is set."""
    return "live" if sandbox_url() is None else "sandbox"


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def _xdg(name: str, default: str) -> Path:
    """The XDG folder `name`; a relative value is ignored, as the specification says (freedesktop.org, basedir 0.8)."""
    given = _variable(name)
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / default
    return base / "spock"
