"""Which sessions are in doubt: those for which several tickers of a calendar have no row, and none has one."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

#: So many tickers without a row for a session that nobody has a row for: the session itself is in doubt.
DOUBT_AFTER = 5

#: A calendar ("" where all venues share one) and a date.
Session = tuple[str, dt.date]
#: So many days are told one by one, more by their number and their ends.
_TOLD = 3


class Doubts:
    """Counts rows and silences by session, for many threads. `calendars` names the calendar of each venue."""

    def __init__(self, calendars: Mapping[str, str]) -> None:
        self._calendars = dict(calendars)
        self._guard = threading.Lock()
        self._rows_of: Counter[Session] = Counter()
        self._silent: Counter[Session] = Counter()
        self._suspect: set[Session] = set()

    def count(self, venue: str, dates: Iterable[dt.date], missing: Iterable[dt.date]) -> None:
        """One ticker of `venue` has rows for `dates`, and none for `missing`."""
        calendar = self._calendars.get(venue, "")
        with self._guard:
            self._rows_of.update((calendar, day) for day in dates)
            self._silent.update((calendar, day) for day in missing)

    def has(self, venue: str, day: dt.date) -> bool:
        """Whether the session is in doubt by now."""
        session = self._calendars.get(venue, ""), day
        return self._silent[session] >= DOUBT_AFTER and not self._rows_of[session]

    def suspect(self, venue: str, day: dt.date) -> None:
        """A cell of this session stays a gap because of the doubt."""
        with self._guard:
            self._suspect.add((self._calendars.get(venue, ""), day))

    @property
    def suspected(self) -> list[Session]:
        """Suspected sessions of which no ticker has got a row since."""
        return sorted(session for session in self._suspect if not self._rows_of[session])


def by_calendar(sessions: Sequence[Session]) -> dict[str, list[dt.date]]:
    """The dates of each calendar, ascending."""
    return {calendar: sorted(day for name, day in sessions if name == calendar) for calendar in dict(sessions)}


def spoken(days: Sequence[dt.date]) -> str:
    """Some days (ascending, at least one) in words: the days, or how many lie between which."""
    if len(days) <= _TOLD:
        return ", ".join(map(str, days))
    return f"{len(days):,} sessions from {days[0]} to {days[-1]}"
