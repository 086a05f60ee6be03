"""Which names a generated market lists: a region's book of names, cut to a number of tickers.

A name and its fate come from the seed and its code alone, never from the clock or from how many names are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from adapters.sandbox.fates import Fate

#: Listings outside the universe (funds, notes, warrants, rights and the like) per followed one in the master files.
UNFOLLOWED = 3


@dataclass(frozen=True)
class Book:
    """What a region knows of its names: the fates written out, a code by index for each kind, and how fates are drawn.

    `drawn` takes the code, its kind ("followed", "gone" or "coming") and a generator, `unfollowed` code and generator.
    """

    fates: Mapping[str, Fate]
    followed_code: Callable[[int], str]
    unfollowed_code: Callable[[int], str]
    gone_code: Callable[[int], str]
    coming_code: Callable[[int], str]
    drawn: Callable[[str, str, Random], Fate]
    unfollowed: Callable[[str, Random], Fate]


class Roster:
    """The names of one market: `tickers` followed ones (the region's universe) and what surrounds them.

    `followed` are all listed from 2026-10-30 to 2026-12-10; beside them stand `unfollowed` (three times as many), a few
    names delisted before and a few listed later, in `others`.
    """

    def __init__(self, book: Book, seed: int, tickers: int) -> None:
        self._book = book
        self._seed = seed
        extra = max(1, tickers // 50)
        self.followed = [book.followed_code(index) for index in range(tickers)]
        self.unfollowed = [book.unfollowed_code(index) for index in range(tickers * UNFOLLOWED)]
        self.others = [book.gone_code(at) for at in range(extra)] + [book.coming_code(at) for at in range(extra)]
        self._kinds = dict.fromkeys(self.followed, "followed")
        self._kinds.update(dict.fromkeys(self.unfollowed, "unfollowed"))
        self._kinds.update((code, "gone" if index < extra else "coming") for index, code in enumerate(self.others))

    @property
    def codes(self) -> list[str]:
        """Every code there ever is."""
        return list(self._kinds)

    def follows(self, code: str) -> bool:
        """Whether `code` is of the region's universe, listed now or not."""
        return self._kinds.get(code, "unfollowed") != "unfollowed"

    def fate(self, code: str) -> Fate | None:
        """What happens to `code`; None for a code that does not exist here."""
        kind = self._kinds.get(code)
        if kind is None:
            return None
        if code in self._book.fates:
            return self._book.fates[code]
        rng = Random(f"{self._seed}:{code}:fate")
        return self._book.unfollowed(code, rng) if kind == "unfollowed" else self._book.drawn(code, kind, rng)
