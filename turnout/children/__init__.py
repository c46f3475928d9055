"""Child processes that outlive whoever started them: locks, marks, adoption, ending."""

from turnout.children.child import Child, ChildSpec, adopt, is_locked, start
from turnout.children.ending import end_all, signal_all
from turnout.children.proc import (
    MARK,
    census,
    holders,
    in_session,
    is_zombie,
    listener_of,
    mark_of,
    marked,
    marks,
    members,
    session_of,
    started_ticks_of,
)

__all__ = [
    "MARK",
    "Child",
    "ChildSpec",
    "adopt",
    "census",
    "end_all",
    "holders",
    "in_session",
    "is_locked",
    "is_zombie",
    "listener_of",
    "mark_of",
    "marked",
    "marks",
    "members",
    "session_of",
    "signal_all",
    "start",
    "started_ticks_of",
]
