"""Settings: what is configured for a region, where things stand on this machine, and the keys of the providers.

Order of the sources, the later winning: `base.toml`, `regions/<CODE>.toml`, `$SPOCK_HOME/settings.toml` (`[base]`,
then `[regions.<CODE>]`), `SPOCK_<SECTION>__<KEY>`, `SPOCK_REGIONS__<CODE>__<SECTION>__<KEY>`. Tables merge; lists and
values are replaced whole. An unknown key anywhere is a `ConfigError` that names its path and its source.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from pipeline.errors import ConfigError
from pipeline.places import home, origin, sandbox_url, state_dir
from pipeline.settings import problems, sources
from pipeline.settings.model import (
    CollectConfig,
    FinalAt,
    HostConfig,
    IndexConfig,
    LimitConfig,
    ProviderConfig,
    RegionConfig,
    StoreConfig,
    TransportConfig,
    UniverseRule,
    VenueConfig,
)
from pipeline.settings.secrets import secret, secret_origin, wrong_length
from pipeline.settings.sources import available_regions, merge_configs, resolve_region

__all__ = [
    "CollectConfig",
    "FinalAt",
    "HostConfig",
    "IndexConfig",
    "LimitConfig",
    "ProviderConfig",
    "RegionConfig",
    "SecretStr",
    "StoreConfig",
    "TransportConfig",
    "UniverseRule",
    "VenueConfig",
    "available_regions",
    "clear_cache",
    "describe",
    "flattened",
    "get_config",
    "home",
    "merge_configs",
    "origin",
    "resolve_region",
    "sandbox_url",
    "secret",
    "secret_origin",
    "state_dir",
    "wrong_length",
]


def get_config(region: str) -> RegionConfig:
    """The frozen settings of a region, given by code or alias in any case.

    Cached by region, home and environment; a `settings.toml` edited meanwhile counts from `clear_cache()` on.
    `UsageError` for an unknown region, `ConfigError` for a setting that can't be taken.
    """
    environment = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("SPOCK_")))
    return _load(resolve_region(region), home() / "settings.toml", environment)


def clear_cache() -> None:
    """Forget resolved settings, so that the next `get_config` reads the home's file again."""
    _load.cache_clear()


def describe(region: str) -> dict[str, Any]:
    """The resolved settings of a region as plain nested dicts of JSON values, for `spock config show`.

    Beside the settings: `secrets` (name to `set (where)` or `missing`, never a value) and `places` (home, state_dir,
    sandbox_url, origin).
    """
    config = get_config(region)
    chained = dict.fromkeys(name for names in config.chain.values() for name in names)
    names = [key for provider in chained for key in config.providers[provider].keys]
    shown = config.model_dump(mode="json")
    origins = {name: secret_origin(name) for name in names}
    shown["secrets"] = {name: f"set ({where})" if where else "missing" for name, where in origins.items()}
    shown["places"] = {
        "home": str(home()),
        "state_dir": str(state_dir()),
        "sandbox_url": sandbox_url(),
        "origin": origin(),
    }
    return shown


def flattened(described: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What `describe` returns as rows for a table: the dotted path of each value (`venues.0.lot`) and its text.

    Lists of plain values are one row, joined by commas; an empty list or table and None are an empty text.
    """
    return list(_rows("", described))


def _rows(path: str, value: Any) -> Iterator[tuple[str, str]]:
    nested = isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))
    if not nested or not value:
        yield path, _text(value)
        return
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, one in items:
        yield from _rows(f"{path}.{key}" if path else str(key), one)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, Mapping):
        return ""
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)


@lru_cache(maxsize=64)
def _load(region: str, home_file: Path, environment: tuple[tuple[str, str], ...]) -> RegionConfig:
    stack = sources.layers(region, home_file, environment)
    merged: dict[str, Any] = {}
    for layer in stack:
        merged = merge_configs(merged, layer.values)
    try:
        return RegionConfig.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(f"settings of {region}:\n{problems.explain(error, RegionConfig, stack)}") from None
