"""Faults at the calls of ports: drawn from a seed, or given as a script."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What may happen to one call."""

    ERROR = "error"  # it fails and nothing happened
    LOST_ANSWER = "lost answer"  # it happened, and nobody hears of it
    LATE = "late"  # it times out and happens later
    SLOW = "slow"  # it happens after a while
    KILL_BEFORE = "kill before"  # the process dies before the call
    KILL_AFTER = "kill after"  # the process dies right after it
    STALL = "stall"  # the process stops for a while, after the call
    STALL_AND_CRASH = "stall and crash"  # and the candidate dies meanwhile


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind, and how long: until the process is back, the delivery comes, the stall ends."""

    kind: Kind
    seconds_s: float


class Faults(Protocol):
    """Says which fault, if any, meets a call."""

    def at(self, call: int, now_s: float) -> Fault | None:
        """Give the fault of the n-th call of the history."""
        ...


_LENGTHS_S: Mapping[Kind, tuple[float, float]] = {
    Kind.LATE: (5.0, 60.0),
    Kind.SLOW: (1.0, 21.0),
    Kind.STALL: (3.0, 93.0),
    Kind.STALL_AND_CRASH: (20.0, 20.0),
}
_ELSE_S = (0.5, 12.5)
_KEPT_KINDS_RATIO = 0.6
DRAWN = tuple(kind for kind in Kind if kind is not Kind.STALL_AND_CRASH)


@dataclass(slots=True)
class Seeded:
    """Random faults until `until_s`; rate and kinds differ from seed to seed (swarm)."""

    chance: random.Random
    until_s: float
    rate: float = field(init=False)
    kinds: Sequence[Kind] = field(init=False)

    def __post_init__(self) -> None:
        self.rate = self.chance.choice((0.0, 0.003, 0.01, 0.04))
        self.kinds = [k for k in DRAWN if self.chance.random() < _KEPT_KINDS_RATIO] or [Kind.ERROR]

    def at(self, call: int, now_s: float) -> Fault | None:
        """Draw; the number of the call does not matter."""
        del call
        if now_s > self.until_s or self.chance.random() >= self.rate:
            return None
        kind = self.chance.choice(self.kinds)
        least_s, most_s = _LENGTHS_S.get(kind, _ELSE_S)
        return Fault(kind, least_s + (most_s - least_s) * self.chance.random())


@dataclass(frozen=True, slots=True)
class Scripted:
    """Given faults at given calls."""

    script: Mapping[int, Fault]

    def at(self, call: int, now_s: float) -> Fault | None:
        """Look the call up."""
        del now_s
        return self.script.get(call)
