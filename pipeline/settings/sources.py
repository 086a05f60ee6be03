"""Where settings come from, as layers: packaged TOML, the home's `settings.toml`, the environment; later ones win.

A layer is a nested dict and the words for its origin, so that an error can say where a value stood.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError, UsageError
from pipeline.regions import written

_PACKAGE = Path(__file__).resolve().parents[1]
_PREFIX = "SPOCK_"
_DELIMITER = "__"
_IDENTITY = frozenset({"region", "aliases"})
#: Environment names with our prefix that are no settings.
RESERVED = frozenset({"SPOCK_HOME", "SPOCK_STATE_DIR", "SPOCK_SANDBOX_URL", "SPOCK_NOW", "SPOCK_REDIS_URL"})


@dataclass(frozen=True)
class Layer:
    """Settings from one place: `origin` is a file's or a variable's name."""

    origin: str
    values: Mapping[str, Any]


def merge_configs(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `overlay` on top: tables merge key by key, anything else is replaced whole; neither is changed."""
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = merge_configs(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


@cache
def available_regions() -> tuple[str, ...]:
    """The region codes in the order they are shown: KR US CN HK JP VN AU UK EU."""
    return tuple(_packaged("base.toml")["regions"])


def resolve_region(text: str) -> str:
    """The code of a region given by code or alias in any case; `UsageError` naming the known ones."""
    wanted = text.strip()
    if wanted.upper() in available_regions():
        return wanted.upper()
    found = _aliases().get(_squeezed(wanted))
    if found is None:
        raise UsageError(
            f"unknown region {text!r}; known are {', '.join(available_regions())} and names such as korea, usa, asx"
        )
    return found


def layers(region: str, home_file: Path, environment: tuple[tuple[str, str], ...]) -> list[Layer]:
    """All layers of one region code, the lowest first. `environment` holds the variables with our prefix."""
    base = {key: value for key, value in _packaged("base.toml").items() if key != "regions"}
    packaged = [Layer("base.toml", base), Layer(f"regions/{region}.toml", written(region))]
    given = _home_layers(region, home_file)
    given += _environment_layers(region, environment, packaged + given)
    for layer in given:
        for key in _IDENTITY & set(layer.values):
            raise ConfigError(f"{key}: says which region this is and can't be set (from {layer.origin}); remove it")
    return packaged + given


@cache
def _packaged(name: str) -> Mapping[str, Any]:
    return _toml(_PACKAGE / name)


@cache
def _aliases() -> Mapping[str, str]:
    """Every alias of every region, squeezed, to the region's code."""
    return {_squeezed(alias): code for code in available_regions() for alias in written(code)["aliases"]}


def _squeezed(text: str) -> str:
    """Lower case, without blanks, hyphens and underscores: `Hong Kong`, `hong-kong` and `HONGKONG` are one."""
    return "".join(character for character in text.casefold() if character not in " -_")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}; correct that line") from error
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error


def _home_layers(region: str, path: Path) -> list[Layer]:
    """The home's `[base]` and `[regions.<CODE>]` tables, if there is such a file."""
    try:
        there = path.is_file()
    except OSError as error:
        raise ConfigError(
            f"{path.parent}: can't be entered ({error.strerror}): point SPOCK_HOME at a folder of yours"
        ) from error
    if not there:
        return []
    document = _toml(path)
    for key in document:
        if key not in ("base", "regions"):
            raise ConfigError(f"{key}: unknown setting (from {path}); settings stand below [base] or [regions.<CODE>]")
    regions = document.get("regions", {})
    base = document.get("base", {})
    if not isinstance(base, dict) or not isinstance(regions, dict):
        raise ConfigError(f"{path}: base and regions are tables: write [base] and [regions.{region}]")
    stack = [Layer(str(path), base)]
    for name, table in regions.items():
        if _code(name, f"regions.{name} in {path}") == region:
            if not isinstance(table, dict):
                raise ConfigError(f"{path}: regions.{name} is a table: write [regions.{name}]")
            stack.append(Layer(str(path), table))
    return stack


def _environment_layers(region: str, environment: tuple[tuple[str, str], ...], below: list[Layer]) -> list[Layer]:
    """One layer a variable: those of all regions first, then this region's."""
    known: dict[str, Any] = {}
    for layer in below:
        known = merge_configs(known, layer.values)
    general: list[Layer] = []
    own: list[Layer] = []
    for name, text in environment:
        if name in RESERVED or not text.strip():
            continue
        parts = name.removeprefix(_PREFIX).split(_DELIMITER)
        stack = general
        if parts[0] == "REGIONS":
            if len(parts) < 3 or _code(parts[1], name) != region:
                _require_length(name, parts)
                continue
            parts, stack = parts[2:], own
        stack.append(Layer(name, _nested(parts, _value(name, text), known)))
    return general + own


def _require_length(name: str, parts: list[str]) -> None:
    if len(parts) < 3:
        raise ConfigError(f"{name}: no setting; write SPOCK_REGIONS__<CODE>__<SECTION>__<KEY>")


def _code(name: str, where: str) -> str:
    try:
        return resolve_region(name)
    except UsageError as error:
        raise ConfigError(f"{where}: {error}") from error


def _nested(parts: list[str], value: Any, known: Any) -> dict[str, Any]:
    """A one-leaf dict for the path `parts`, each spelled as the layers below spell it (a MIC in capitals)."""
    keys = known if isinstance(known, Mapping) else {}
    key = next((k for k in keys if k.upper() == parts[0].upper()), parts[0].lower())
    return {key: value if len(parts) == 1 else _nested(parts[1:], value, keys.get(key))}


def _value(name: str, text: str) -> Any:
    """A variable's value: JSON where it is a list or a table, else its text, which validation turns into its type."""
    if text.lstrip()[:1] not in ("[", "{"):
        return text.strip()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}: {text!r} is no JSON list or table: {error}") from error
