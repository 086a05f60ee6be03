"""Spock's pipeline: the stages of a night and what they stand on; `open` reads what they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.market import Market

__version__ = "0.1.0"


def open(home: Path | str | None = None) -> Market:
    """The market of a home (None: $SPOCK_HOME, or its default), to be asked for polars frames: see `pipeline.market`.

    Nothing is opened yet; the first question raises `NoReplica` where nothing was published.
    """
    from pathlib import Path

    from pipeline import settings
    from pipeline.market import Market

    return Market(settings.home() if home is None else Path(home))
