"""What a check found, and how sizes are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "notice", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One check: `ok`, `notice` (good to know) or `wrong` (commands fail); `todo` is empty where all is well."""

    check: str
    state: State
    words: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding as a row for output."""
        return {"check": self.check, "state": self.state, "words": self.words, "todo": self.todo}


def size(count: int) -> str:
    """A number of bytes for a person."""
    left = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if left < 1000:
            return f"{left:.0f} {unit}" if left >= 10 or unit == "B" else f"{left:.1f} {unit}"
        left /= 1000
    return f"{left:,.1f} TB"
