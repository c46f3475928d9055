"""The catalogue of versions: what is known of each, and how a release changes it."""

from dataclasses import dataclass
from enum import StrEnum

from turnout.domain.release import FINAL, OURS, Outcome, Phase, Release
from turnout.domain.version import Version


class Status(StrEnum):
    """How a version stands in its service; that it is quarantined is kept apart."""

    CANDIDATE = "candidate"
    STABLE = "stable"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogued:
    """One version of one service: since when it has its status, and by which release."""

    service: str
    version: Version
    status: Status
    at_s: float
    release: str = ""


_FAILED = frozenset(
    {
        Outcome.WORSE,
        Outcome.LIMIT,
        Outcome.BREAKAGE,
        Outcome.REFUSED,
        Outcome.CRASHED,
        Outcome.TIMED_OUT,
        Outcome.FAILED,
    }
)


def statuses(old: Release, new: Release) -> tuple[tuple[Version, Status], ...]:
    """Say which versions change their status by a save; the rest stay as they were.

    Between two versions of one digest the candidate's status is told last and holds.
    """
    if old.phase is new.phase:
        return ()
    before = () if new.stable is None else (new.stable.version,)
    if new.phase is Phase.BAKING:
        return *((version, Status.SUPERSEDED) for version in before), (new.candidate, Status.STABLE)
    if new.phase in FINAL and new.outcome in _FAILED:
        return ((new.candidate, Status.FAILED),)
    if old.phase in OURS and new.phase not in OURS:
        return (new.candidate, Status.SUPERSEDED), *((version, Status.STABLE) for version in before)
    return ()
