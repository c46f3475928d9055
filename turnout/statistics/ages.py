"""How long requests are waited for before they count: frozen from stable's own durations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from turnout.statistics.bins import BINS, bin_of, quantile_bin, upper_edge_ms
from turnout.statistics.past import Past
from turnout.statistics.saved import State, count, count_or_none
from turnout.statistics.settings import Quantity

_LONGEST_BIN: Final = BINS - 40
_SHORTEST_S: Final = 1.0
_TIMES_P99: Final = 3.0
_MS: Final = 1000.0
# A heartbeat comes 1.4 s after its second is over, an end is known 0.2 s after it happened and a
# running request with its next line, once a second: so an age may pass a whole second by this.
_SLACK_S: Final = 0.2
_DOUBLE_BINS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Name the ages of one quantity by the bin (floor included) in which each ends.

    `deadline_bin`: still running is failed; `middle_bin` and `late_bin`: P75 and P99 of stable;
    `p99_bin`: stable's P99 of the quantity itself, for the tail gate.
    """

    one_second_bin: int
    middle_bin: int
    late_bin: int
    deadline_bin: int
    p99_bin: int | None = None

    def of_rate(self) -> tuple[int, ...]:
        """Return the ages at which failures are compared."""
        return thinned((self.one_second_bin, self.middle_bin, self.deadline_bin))

    def of_durations(self) -> tuple[int, ...]:
        """Return the ages at which durations are compared."""
        return thinned((self.middle_bin, self.late_bin))

    def to_dict(self) -> State:
        """Write the bins."""
        return {
            "one_second_bin": self.one_second_bin,
            "middle_bin": self.middle_bin,
            "late_bin": self.late_bin,
            "deadline_bin": self.deadline_bin,
            "p99_bin": self.p99_bin,
        }

    @classmethod
    def from_dict(cls, state: State) -> "Ages":
        """Read ages back."""
        return cls(
            one_second_bin=count(state, "one_second_bin"),
            middle_bin=count(state, "middle_bin"),
            late_bin=count(state, "late_bin"),
            deadline_bin=count(state, "deadline_bin"),
            p99_bin=count_or_none(state, "p99_bin"),
        )


def ages_of(past: Past, quantity: Quantity, *, floor_ms: float, timeout_s: float) -> Ages | None:
    """Freeze the ages of a quantity; None where stable has no such requests."""
    decided = past.decided(quantity)
    p99, p75 = quantile_bin(decided, 0.99), quantile_bin(decided, 0.75)
    if p99 is None or p75 is None:
        return None
    shortest = age_bin(_SHORTEST_S, floor_ms)
    triple_s = _TIMES_P99 * age_s(p99, floor_ms)
    deadline = age_bin(max(_SHORTEST_S, min(triple_s, timeout_s)), floor_ms)
    values: dict[int, int] = {}
    for table in past.values(quantity).values():
        for at, n in table.items():
            values[at] = values.get(at, 0) + n
    return Ages(
        one_second_bin=shortest,
        middle_bin=min(deadline, max(shortest, p75)),
        late_bin=min(deadline, max(shortest, p99)),
        deadline_bin=deadline,
        p99_bin=quantile_bin(values, 0.99),
    )


def ages_without_stable(*, floor_ms: float, timeout_s: float) -> Ages:
    """Return the ages of a first release: whatever the route waits for."""
    shortest = age_bin(_SHORTEST_S, floor_ms)
    longest = age_bin(max(_SHORTEST_S, timeout_s), floor_ms)
    return Ages(one_second_bin=shortest, middle_bin=longest, late_bin=longest, deadline_bin=longest)


def age_bin(seconds: float, floor_ms: float) -> int:
    """Return the bin of an age; the age is then raised to the end of it."""
    return min(_LONGEST_BIN, bin_of(seconds * _MS + floor_ms))


def age_s(bin_number: int, floor_ms: float) -> float:
    """Return the age at which a bin ends, without the floor."""
    return (upper_edge_ms(bin_number) - floor_ms) / _MS


def lag_s(bin_number: int, floor_ms: float) -> int:
    """Return how many seconds after its last one a window is complete for an age."""
    return max(0, math.ceil(age_s(bin_number, floor_ms) - _SLACK_S))


def thinned(bins: Sequence[int]) -> tuple[int, ...]:
    """Leave out ages that the next longer one is less than twice as long as."""
    kept: list[int] = []
    for bin_number in sorted(bins, reverse=True):
        if not kept or kept[-1] - bin_number >= _DOUBLE_BINS:
            kept.append(bin_number)
    return tuple(reversed(kept))
