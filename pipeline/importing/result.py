"""What became of one region's rows of one file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Rules of rows that differ from what stands in the store: the store's row stays.
CONFLICTS = ("differs_from_stored", "untraded_over_bar")


@dataclass(frozen=True)
class Imported:
    """read = stored + same + explained + conflicts + refused + repeated, all rows; `not_imported` are beside them.

    `status` complete, partial (rows were refused or differ), not_imported (the region can't be taken), and `unchanged` says
    that everything had been committed before. `refused_by_rule` holds the conflicts too. `first` and `last` are the ends of
    the rows that were taken, None without any.
    """

    file: str
    region: str
    run_id: str | None
    status: str
    read: int = 0
    stored: int = 0
    same: int = 0
    explained: int = 0
    conflicts: int = 0
    refused: int = 0
    repeated: int = 0
    tickers: int = 0
    first: dt.date | None = None
    last: dt.date | None = None
    refused_by_rule: Mapping[str, int] = field(default_factory=dict)
    not_imported: Mapping[str, int] = field(default_factory=dict)
    unchanged: bool = False
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self.__dict__,
            "first": None if self.first is None else str(self.first),
            "last": None if self.last is None else str(self.last),
            "refused_by_rule": dict(self.refused_by_rule),
            "not_imported": dict(self.not_imported),
            "notes": list(self.notes),
        }


def exit_code(results: Sequence[Imported]) -> int:
    """3 where rows were refused, differ, or belong to a region that can't be taken; else 0."""
    return 0 if all(result.status == "complete" for result in results) else 3
