"""Keys of providers: environment, systemd credentials, `.env` of the home, `.env` of the checkout, in that order.

Values leave this module as `SecretStr` only; messages name where a key was looked for, never what stood there. Against
a sandbox every key is the sandbox's own: a real key is never sent to a redirected address.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from pipeline import places, resources
from pipeline.errors import ConfigError

#: What every provider's key is against the sandbox: as long as KIS's own (36 characters) and its secret's (180).
SANDBOX_KEY = "SANDBOX-".ljust(36, "0")
SANDBOX_SECRET = "SANDBOX-SECRET-".ljust(180, "0")


def secret(name: str) -> SecretStr | None:
    """The secret `name` (such as `KIS_APP_KEY`), or None when no source has it.

    Read anew at each call, so that a changed key file counts at once. `ConfigError` when a `.env` that is consulted can
    be read by others or not at all.
    """
    found = _find(name)
    return None if found is None else SecretStr(found[0])


def secret_origin(name: str) -> str | None:
    """Where `secret(name)` comes from, in words for `spock config show`; None when no source has it."""
    found = _find(name)
    return None if found is None else found[1]


def wrong_length(name: str, lengths: Mapping[str, int]) -> str:
    """What is wrong with the length of a secret that is set, in words without the value; "" where nothing is.

    `lengths` are the provider's: characters by name.
    """
    found, wanted = _find(name), lengths.get(name)
    if found is None or wanted is None or len(found[0]) == wanted:
        return ""
    return f"{name} ({found[1]}) has {len(found[0])} characters, not {wanted}: copy it again from the provider's portal"


def _find(name: str) -> tuple[str, str] | None:
    """Value and origin of a secret."""
    if places.sandbox_url() is not None:
        return (SANDBOX_SECRET if name.endswith("SECRET") else SANDBOX_KEY), "sandbox"
    value = os.environ.get(name, "").strip()
    if value:
        return value, "env"
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (value := _read(Path(credentials) / name).strip()):
        return value, "systemd credentials"
    for path in _env_files():
        if value := _dotenv(path).get(name, ""):
            return value, str(path)
    return None


def _env_files() -> list[Path]:
    """The `.env` files that exist, the home's before the checkout's."""
    folders = [places.home()]
    root = resources.checkout_root()
    if root is not None and root not in folders:
        folders.append(root)
    return [path for folder in folders if (path := folder / ".env").is_file()]


def _dotenv(path: Path) -> dict[str, str]:
    """NAME=VALUE lines; comments, `export` and one pair of quotes are allowed."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(f"{path} holds keys and others may read it (mode {mode:04o}): run chmod 600 {path}")
    values: dict[str, str] = {}
    for line in _read(path).splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if quoted else value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path} can't be read: {reason}; give this user access or set the keys elsewhere") from None
