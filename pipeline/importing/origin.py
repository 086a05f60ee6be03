"""Rows of live providers and rows of the sandbox never share a store: what a file says about its own decides too."""

from __future__ import annotations

from pathlib import Path

from pipeline import settings
from pipeline.errors import OriginMismatch

ORIGINS = ("live", "sandbox")


def require_ours(path: Path, origin: str, place: str = "") -> None:
    """`OriginMismatch` where a file, or its row at `place`, says another origin than that of this import."""
    ours = settings.origin()
    if origin == ours:
        return
    where = f"its {place} is" if place else "was"
    what = "a row of origin" if place else "exported from a store of"
    rows = "" if place else " rows"
    raise OriginMismatch(
        f"{path}: {where} {what} {origin}{rows} and this import is {ours}: "
        + ("set SPOCK_SANDBOX_URL and a home of its own for them" if origin == "sandbox" else "unset SPOCK_SANDBOX_URL")
    )
