"""Checks how far the packaged calendars of the regions reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline import calendars
from pipeline.doctor.finding import Finding, State

if TYPE_CHECKING:
    from pipeline.settings import RegionConfig

#: A calendar that ends within so many days is worth a word: holidays of the next year are announced by then.
CALENDAR_NOTICE = dt.timedelta(days=60)

_TODO = "upgrade Spock, or extend calendars/overrides.toml and run `spock calendar build`"


def packaged_calendars(configs: list[RegionConfig], now: dt.datetime) -> Iterator[Finding]:
    """How far each region's calendars reach from `now`: a notice from 60 days before their end, wrong after it.

    A region that is on must have them all; those that are off and lack some are told together.
    """
    packaged = calendars.available()
    later = []
    for config in configs:
        wanted = tuple(dict.fromkeys(venue.calendar for venue in config.venues))
        missing = [mic for mic in wanted if mic not in packaged]
        if missing and config.status == "off":
            later.append(f"{config.region} ({', '.join(missing)})")
        elif missing:
            words = f"{config.region} is {config.status}, but has no packaged calendar for {', '.join(missing)}"
            yield Finding("calendar", "wrong", words, f"set SPOCK_REGIONS__{config.region}__STATUS=off, or upgrade Spock")
        yield from _ends(config, [calendars.calendar(mic) for mic in wanted if mic in packaged], now)
    if later:
        words = f"no packaged calendar for {', '.join(later)}: these regions are off"
        yield Finding("calendar", "notice", words, "none: their nights begin with a version that has them")


def _ends(config: RegionConfig, known: list[calendars.VenueCalendar], now: dt.datetime) -> Iterator[Finding]:
    """One finding for all calendars of a region that end on the same day, the first end first."""
    for last in sorted({one.last for one in known}):
        mics = [one.mic for one in known if one.last == last]
        subject = f"{config.region}: {', '.join(mics)} {'is' if len(mics) == 1 else 'are'} known until {last}"
        left = last - now.date()
        if left < dt.timedelta():
            state: State = "notice" if config.status == "off" else "wrong"
            yield Finding("calendar", state, f"{subject} only, {-left.days} days ago", _TODO)
        elif left <= CALENDAR_NOTICE:
            yield Finding("calendar", "notice", f"{subject}, {left.days} days from now", _TODO)
        else:
            yield Finding("calendar", "ok", f"{subject}, {left.days} days from now")
