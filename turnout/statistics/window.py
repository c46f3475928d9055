"""Seconds of one weight put together until both versions have started enough."""

from dataclasses import dataclass
from typing import Final

from turnout.statistics.increment import Increment
from turnout.statistics.saved import State, count, count_or_none, part
from turnout.statistics.tally import Tally

_ENOUGH: Final = 3
_LONGEST_S: Final = 60
_FULL_BP: Final = 10_000
_FIRST_MINUTE_S: Final = 60
_BAKING_AFTER_S: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Name the seconds that had one weight at all gateways; `last_s` is open while it lasts."""

    first_s: int
    last_s: int | None
    weight_bp: int
    step: int
    step_first_s: int

    def holds(self, second: int) -> bool:
        """Return whether a second lies in it."""
        return self.first_s <= second and (self.last_s is None or second <= self.last_s)

    def is_over(self, second: int) -> bool:
        """Return whether it holds no second after this one."""
        return self.last_s is not None and self.last_s <= second

    def least_s(self, opened_s: int) -> int:
        """Return how long a window is at least that opens at a second."""
        age_s = opened_s - self.step_first_s
        if age_s < _FIRST_MINUTE_S:
            return 1
        return _LONGEST_S if self.weight_bp == _FULL_BP and age_s >= _BAKING_AFTER_S else 10

    def to_dict(self) -> State:
        """Write the bounds."""
        return {
            "first_s": self.first_s,
            "last_s": self.last_s,
            "weight_bp": self.weight_bp,
            "step": self.step,
            "step_first_s": self.step_first_s,
        }

    @classmethod
    def from_dict(cls, state: State) -> "Span":
        """Read a span back."""
        return cls(
            first_s=count(state, "first_s"),
            last_s=count_or_none(state, "last_s"),
            weight_bp=count(state, "weight_bp"),
            step=count(state, "step"),
            step_first_s=count(state, "step_first_s"),
        )


class Pair:
    """Hold what is known of both versions in the same seconds."""

    def __init__(self) -> None:
        self.candidate = Tally()
        self.stable = Tally()

    @property
    def running(self) -> int:
        """Return how many requests of either version have not ended."""
        return self.candidate.running + self.stable.running

    def take(self, increment: Increment, *, candidate: bool) -> None:
        """Add what is new of one of them."""
        (self.candidate if candidate else self.stable).take(increment)

    def add(self, other: "Pair") -> None:
        """Add another second."""
        self.candidate.add(other.candidate)
        self.stable.add(other.stable)

    def to_dict(self) -> State:
        """Write both."""
        return {"candidate": self.candidate.to_dict(), "stable": self.stable.to_dict()}

    @classmethod
    def from_dict(cls, state: State) -> "Pair":
        """Read both back."""
        pair = cls()
        pair.candidate = Tally.from_dict(part(state, "candidate"))
        pair.stable = Tally.from_dict(part(state, "stable"))
        return pair


class Window:
    """Hold whole seconds of one weight and stratum; its bounds follow from starts alone."""

    def __init__(self, span: Span, stratum: int, first_s: int) -> None:
        self.span = span
        self.stratum = stratum
        self.first_s = first_s
        self.last_s = first_s - 1
        self.number = 0
        self.known = Pair()

    def holds(self, second: int) -> bool:
        """Return whether a second lies in it."""
        return self.first_s <= second <= self.last_s

    def extend(self, second: int, known: Pair | None) -> None:
        """Add the next second."""
        self.last_s = second
        if known is not None:
            self.known.add(known)

    def may_close(self) -> bool:
        """Return whether it has the starts that its length asks for."""
        length_s, fewest = self.last_s - self.first_s + 1, self._fewest()
        if length_s >= self.span.least_s(self.first_s) and fewest >= _ENOUGH:
            return True
        return length_s >= _LONGEST_S and fewest >= 1

    def may_end(self) -> bool:
        """Return whether it counts although its weight ends."""
        return self._fewest() >= 1

    def to_dict(self) -> State:
        """Write bounds and counts."""
        return {
            "span": self.span.to_dict(),
            "stratum": self.stratum,
            "first_s": self.first_s,
            "last_s": self.last_s,
            "number": self.number,
            "known": self.known.to_dict(),
        }

    @classmethod
    def from_dict(cls, state: State) -> "Window":
        """Read a window back."""
        span = Span.from_dict(part(state, "span"))
        window = cls(span, count(state, "stratum"), count(state, "first_s"))
        window.last_s, window.number = count(state, "last_s"), count(state, "number")
        window.known = Pair.from_dict(part(state, "known"))
        return window

    def _fewest(self) -> int:
        if self.span.weight_bp == _FULL_BP:
            return self.known.candidate.started
        return min(self.known.candidate.started, self.known.stable.started)
