"""The page: one HTML file a day without anything from outside it."""

from __future__ import annotations

import datetime as dt
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.report.facts import Facts, gather
from pipeline.store.file import translated

if TYPE_CHECKING:
    from jinja2 import Template

_LATEST = "latest.html"


def path(home: Path, day: dt.date) -> Path:
    """Where the page of a day stands."""
    return home / "reports" / f"{day}.html"


def write(home: Path, day: dt.date) -> Path:
    """Write `reports/<day>.html` from the newest replica and return its path; `latest.html` beside it leads to it.

    A later run of the day replaces the page whole: it shows all of the day's runs.
    """
    place = path(home, day)
    text = render(gather(home, day))
    with translated(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        _put(place, text)
        _put(place.with_name(_LATEST), text)
    return place


def render(facts: Facts) -> str:
    """The page as HTML."""
    return _template().render(facts=facts, version=__version__)


def _put(place: Path, text: str) -> None:
    """The whole file or the old one: somebody may be reading."""
    draft = place.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, place)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=_number, percent=_percent, moment=_moment)
    return environment.get_template("page.html.jinja")


def _number(value: Any, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _percent(value: float | None) -> str:
    """A share in percent; 99.996 is not shown as 100."""
    if value is None:
        return "–"
    shown = f"{value:.2%}"
    return "> 99.99%" if shown == "100.00%" and value < 1 else shown


def _moment(value: dt.datetime | None) -> str:
    return "–" if value is None else f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
