"""The rules a row passes before it is stored: every row that came is stored, explained, or refused with its reason.

Pure: frames in, frames out. `check` holds bars against the rules, `check_actions` corporate actions; `rules` are those of bars.
`other_units` looks at whole answers beside what is stored, for the rows that have no traded value.
"""

from pipeline.quality.actions import ACTION_KINDS, ACTION_STATES, CheckedActions, check_actions
from pipeline.quality.bars import ORDER_TOLERANCE, REPEATED_SHARES, VALUE_TOLERANCE, Checked, check, rules
from pipeline.quality.frames import LISTED, OTHER_UNITS, SESSIONS, STANDING_CLOSES
from pipeline.quality.units import FARTHEST_CLOSE, NEIGHBOURS, UNIT_TOLERANCE, other_units

__all__ = [
    "ACTION_KINDS",
    "ACTION_STATES",
    "FARTHEST_CLOSE",
    "LISTED",
    "NEIGHBOURS",
    "ORDER_TOLERANCE",
    "OTHER_UNITS",
    "REPEATED_SHARES",
    "SESSIONS",
    "STANDING_CLOSES",
    "UNIT_TOLERANCE",
    "VALUE_TOLERANCE",
    "Checked",
    "CheckedActions",
    "check",
    "check_actions",
    "other_units",
    "rules",
]
