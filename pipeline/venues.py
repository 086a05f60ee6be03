"""The venues of the regions: which are meant by a place, and what one does at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import calendars, settings
from pipeline.collect.providers import history_provider
from pipeline.errors import CalendarUnknown

if TYPE_CHECKING:
    from pipeline.calendars import Phase, Session, VenueCalendar
    from pipeline.settings import RegionConfig, VenueConfig


@dataclass(frozen=True)
class Status:
    """What a venue (MIC) of a region does at a moment; times are aware UTC datetimes.

    `calendar` is the MIC whose sessions it keeps, `newest` its session of today or the last one before. The bars of
    `newest` are final from `final_at` on, as the region's provider of history delivers them, and can be collected before
    the region trades again until `collect_until`. `upcoming` is the next session to open, `known_until` the calendar's last
    day. What lies past a calendar's end is None.
    """

    region: str
    venue: str
    calendar: str
    phase: Phase
    newest: Session | None
    final_at: dt.datetime | None
    collect_until: dt.datetime | None
    upcoming: Session | None
    known_until: dt.date


def status(config: RegionConfig, venue: VenueConfig, moment: dt.datetime) -> Status:
    """What `venue` of the region `config` does at `moment` (aware)."""
    known = calendars.calendar(venue.calendar)
    phase = known.phase(moment)
    newest = None if phase == "unknown" else _newest(known, moment)
    return Status(
        region=config.region,
        venue=venue.mic,
        calendar=known.mic,
        phase=phase,
        newest=newest,
        final_at=None if newest is None else calendars.final_at(venue, history_provider(config), newest.session),
        collect_until=None if newest is None else _collect_until(config, newest),
        upcoming=known.next_opening(moment) if known.knows_an_opening_after(moment) else None,
        known_until=known.last,
    )


def named(places: Sequence[str]) -> list[tuple[RegionConfig, VenueConfig]]:
    """The venues meant by `places`, each with its region: a MIC that venue, a region's code or alias all of its venues.

    Without places those of all regions. `UsageError` for what is neither.
    """
    configs = [settings.get_config(region) for region in settings.available_regions()]
    found = []
    for place in places or [config.region for config in configs]:
        those = [(config, venue) for config in configs for venue in config.venues if venue.mic == place.strip().upper()]
        region = None if those else settings.get_config(settings.resolve_region(place))
        found += those if region is None else [(region, venue) for venue in region.venues]
    return found


def calendar_of(place: str) -> VenueCalendar:
    """The calendar of a MIC, or of the main venue of a region given by code or alias; `UsageError` for what is neither."""
    mic = place.strip().upper()
    return calendars.calendar(mic if mic in calendars.available() else named((place,))[0][1].calendar)


def _newest(known: VenueCalendar, moment: dt.datetime) -> Session:
    today = known.local_date(moment)
    return known.session(today if known.is_session(today) else known.previous_session(today))


def _collect_until(config: RegionConfig, newest: Session) -> dt.datetime | None:
    """The end of the session's collection window; None where a calendar of the region ends before it."""
    try:
        return calendars.collection_window(config, history_provider(config), newest.session).end
    except CalendarUnknown:
        return None
