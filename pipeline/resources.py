"""Finds the files that travel with the code: sql/, migrations/ and ops/.

In a checkout they stand at its root; a wheel carries them in `pipeline/_data`.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import SpockError

_PACKAGE = Path(__file__).resolve().parent


def path(*parts: str) -> Path:
    """The file or folder `parts` below the project's data, such as `path("migrations", "store")`.

    `SpockError` naming what is missing when neither the wheel nor the checkout has it.
    """
    place = checkout_root() or _PACKAGE / "_data"
    found = place.joinpath(*parts)
    if not found.exists():
        raise SpockError(f"{found} is missing: this installation is incomplete; install Spock again")
    return found


def checkout_root() -> Path | None:
    """The root of the checkout this code runs from, or None when it runs from an installed wheel."""
    root = _PACKAGE.parent
    is_checkout = (root / "pyproject.toml").is_file() and (root / "migrations").is_dir()
    return root if is_checkout else None
