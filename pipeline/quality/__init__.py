"""The rules a row passes before it is stored: every row that came is stored, explained, or refused with its reason.

Pure: frames in, frames out. `check` holds bars against the rules, `check_actions` corporate actions; `rules` are those of bars.
"""

from pipeline.quality.actions import ACTION_KINDS, ACTION_STATES, CheckedActions, check_actions
from pipeline.quality.bars import ORDER_TOLERANCE, REPEATED_SHARES, VALUE_TOLERANCE, Checked, check, rules
from pipeline.quality.frames import LISTED, SESSIONS

__all__ = [
    "ACTION_KINDS",
    "ACTION_STATES",
    "LISTED",
    "ORDER_TOLERANCE",
    "REPEATED_SHARES",
    "SESSIONS",
    "VALUE_TOLERANCE",
    "Checked",
    "CheckedActions",
    "check",
    "check_actions",
    "rules",
]
