"""What was asked of an import: the kind of file, and what the files do not say themselves."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import asdict, dataclass

from pipeline import settings
from pipeline.errors import UsageError
from pipeline.importing.kinds import BASES, Basis, Kind

_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Wanted:
    """The options of one import. `region`, `currency`, `venue` None: the file's own, the region's, the region's main venue.

    `basis` and `provider` count for files without such a column. `UsageError` for values that can't be taken.
    """

    kind: Kind
    region: str | None = None
    basis: Basis = "unknown"
    adjusted_through: dt.date | None = None
    provider: str = "import"
    currency: str | None = None
    venue: str | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.basis not in BASES:
            raise UsageError(f"--basis {self.basis!r}: one of {', '.join(BASES)}")
        if self.basis == "split_adjusted" and self.adjusted_through is None:
            raise UsageError(
                "--basis split_adjusted needs --adjusted-through DAY: the last day whose splits the prices contain, "
                "such as the day the file was made"
            )
        if self.basis != "split_adjusted" and self.adjusted_through is not None:
            raise UsageError(f"--adjusted-through goes with --basis split_adjusted, not with {self.basis}")
        if not _PROVIDER.fullmatch(self.provider):
            raise UsageError(f"--provider {self.provider!r}: write it in lower case, letters, digits and _, such as import")
        if self.provider in _providers():
            raise UsageError(
                f"--provider {self.provider}: what the settings call so is fetched from there, and a file that does not say it "
                "is not: give a name of your own, such as import (a file's own column provider is kept)"
            )
        if self.currency is not None and not _CURRENCY.fullmatch(self.currency):
            raise UsageError(f"--currency {self.currency!r}: three capital letters, such as USD")
        if self.region is not None and self.venue is not None:
            self.venue_of(self.region)

    def venue_of(self, region: str) -> str:
        """The MIC for tickers of `region` that nobody lists yet; `UsageError` when `venue` is none of the region's."""
        venues = [venue.mic for venue in settings.get_config(region).venues]
        if self.venue is None:
            return venues[0]
        if self.venue not in venues:
            raise UsageError(f"--venue {self.venue!r}: the venues of {region} are {', '.join(venues)}")
        return self.venue

    def digest(self) -> str:
        """Six characters that differ when the options do: another reading of a file is judged anew."""
        told = {name: value for name, value in asdict(self).items() if name != "dry_run"}
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:6]


def _providers() -> set[str]:
    """The names of all regions' providers."""
    return {name for region in settings.available_regions() for name in settings.get_config(region).providers}
