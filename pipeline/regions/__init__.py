"""The packaged settings of every region, `<CODE>.toml`, as they are written. A leaf: imports nothing of ours but errors.

`pipeline.settings` lays a home's file and the environment over them and checks the sum. This is for those that want the file
alone and not the cost of checking it (pydantic): the sandbox.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError

_FOLDER = Path(__file__).resolve().parent


@cache
def written(region: str) -> Mapping[str, Any]:
    """The file of a region code; `ConfigError` where there is none or it is no TOML."""
    path = _FOLDER / f"{region}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}; install Spock again") from error
