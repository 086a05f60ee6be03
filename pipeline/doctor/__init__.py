"""Looks over an installation and says what to do: folders, keys, settings, clock, calendars, store, replica.

Asks no provider and changes nothing of yours; the one address it may ask is the sandbox of `SPOCK_SANDBOX_URL`. A store
of an older schema is brought to today's, as by any command that opens it (a verified copy first).
"""

from __future__ import annotations

from pipeline import settings
from pipeline.doctor.configured import keys, limits, load_settings, look_at_clock, packaged_calendars
from pipeline.doctor.finding import Finding
from pipeline.doctor.kept import leftovers, newest_replica, state_file, store_file
from pipeline.doctor.machine import can_be_entered, disk, env_files, folder_is_writable, versions

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """The findings of all checks; what is wrong is a finding, not an error."""
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
        *keys(configs),
        *limits(configs),
        *clocks,
        *packaged_calendars(configs, now),
        *store_file(home),
        *newest_replica(home),
        *state_file(home),
        *leftovers(home, state),
    ]
