"""Looks over an installation and says what to do: folders, keys, settings, clock, calendars, store, replica.

Changes nothing of yours and asks no provider, unless it is told to compare clocks: then each provider's file server is asked
for its time, without a key. The sandbox of `SPOCK_SANDBOX_URL` is always asked. A store of an older schema is brought to
today's, as by any command that opens it (a verified copy first).
"""

from __future__ import annotations

import datetime as dt

from pipeline import settings
from pipeline.doctor.calendars import packaged_calendars
from pipeline.doctor.configured import allowed_use, keys, limits, load_settings, look_at_clock
from pipeline.doctor.finding import Finding
from pipeline.doctor.followed import regions, unlisted
from pipeline.doctor.kept import leftovers, newest_replica, state_file, store_file
from pipeline.doctor.machine import can_be_entered, disk, env_files, folder_is_writable, versions
from pipeline.doctor.provider_clocks import provider_clocks
from pipeline.doctor.shared import limiter, tokens

__all__ = ["Finding", "examine"]


def examine(*, online: bool = False) -> list[Finding]:
    """The findings of all checks; what is wrong is a finding, not an error. `online` compares clocks with the providers."""
    home, state = settings.home(), settings.state_dir()
    machine = [
        *versions(),
        *folder_is_writable("home", home, "SPOCK_HOME"),
        *folder_is_writable("state folder", state, "SPOCK_STATE_DIR"),
    ]
    if not can_be_entered(home):
        return machine  # settings, keys and store stand behind that door
    configs, loaded = load_settings()
    now, clocks = look_at_clock()
    return [
        *machine,
        *disk(home),
        *env_files(home),
        *loaded,
        *regions(configs, home),
        *keys(configs),
        *limits(configs),
        *limiter(state),
        *tokens(state, dt.datetime.now(dt.UTC)),  # a token dies by the real clock, never the run's
        *allowed_use(configs),
        *clocks,
        *(provider_clocks(configs) if online else ()),
        *packaged_calendars(configs, now),
        *store_file(home),
        *unlisted(configs, home),
        *newest_replica(home),
        *state_file(home),
        *leftovers(home, state),
    ]
