"""Turns validation errors into words: the dotted path, the value, the place it came from, and the nearest known key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from pipeline.settings.sources import Layer

_Loc = tuple[int | str, ...]
#: What pydantic lists as allowed when a table's key is none of a fixed set.
_QUOTED = re.compile(r"'(\w+)'")


def explain(error: ValidationError, model: type[BaseModel], layers: Sequence[Layer]) -> str:
    """One line for each problem of `error`, which `model` raised over the merged `layers`."""
    lines = []
    for problem in error.errors():
        loc = tuple(part for part in problem["loc"] if part != "[key]")
        origin = _origin(loc, layers)
        if problem["loc"][-1:] == ("[key]",):
            known = _QUOTED.findall(problem["msg"])
            lines.append(f"{_dotted(loc)}: unknown setting (from {origin}){_near(loc, known)}")
        elif problem["type"] == "extra_forbidden":
            lines.append(f"{_dotted(loc)}: unknown setting (from {origin}){_near(loc, _keys_at(loc[:-1], model))}")
        elif problem["type"] == "missing":
            lines.append(f"{_dotted(loc)}: missing; give it in one of {', '.join(_origins(layers))}")
        elif isinstance(problem["input"], Mapping | BaseModel):
            lines.append(f"{_dotted(loc) or 'settings'} (from {origin}): {_message(problem['msg'])}")
        else:
            lines.append(f"{_dotted(loc)} = {problem['input']!r} (from {origin}): {_message(problem['msg'])}")
    return "\n".join(lines)


def _dotted(loc: _Loc) -> str:
    return ".".join(str(part) for part in loc)


def _message(text: str) -> str:
    return text.removeprefix("Value error, ").replace("Input should be", "expected")


def _origins(layers: Sequence[Layer]) -> list[str]:
    return list(dict.fromkeys(layer.origin for layer in layers))


def _origin(loc: _Loc, layers: Sequence[Layer]) -> str:
    """The highest layer that says something about `loc`: the one whose value was taken."""
    for layer in reversed(layers):
        if loc and _reaches(layer.values, loc):
            return layer.origin
    return ", ".join(_origins(layers))


def _reaches(values: Any, loc: _Loc) -> bool:
    """Whether `values` holds `loc`, or a list or scalar on the way to it, which replaces all below."""
    for part in loc:
        if not isinstance(values, Mapping):
            return True
        if part not in values:
            return False
        values = values[part]
    return True


def _near(loc: _Loc, known: list[str]) -> str:
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if near:
        return f"; did you mean {_dotted((*loc[:-1], near[0]))}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _keys_at(loc: _Loc, model: type[BaseModel]) -> list[str]:
    """The field names of the model that stands at `loc`, below dicts and tuples too."""
    annotation: Any = model
    for part in loc:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[str(part)].annotation
        else:
            candidates = get_args(annotation)
            annotation = candidates[1] if _is_dict(annotation) else candidates[0]
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return list(annotation.model_fields) if is_model else []


def _is_dict(annotation: Any) -> bool:
    """Whether a field's annotation is a dict, so that what stands below a key is its second argument."""
    return getattr(annotation, "__origin__", None) is dict
