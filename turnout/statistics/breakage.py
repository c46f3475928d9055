"""Plain failure that needs no statistics: half of the newest requests fail, and not stable's."""

from dataclasses import dataclass, field
from typing import Final

from turnout.statistics.increment import Increment, Outcome
from turnout.statistics.saved import State, as_state, count, items, numbers

_FEWEST: Final = 20
_LAST_S: Final = 10
_KEPT_S: Final = 16
_STABLE_PART: Final = 0.5
_FEWEST_SECONDS: Final = 2


@dataclass(slots=True)
class _Arm:
    started: int = 0
    ended: int = 0
    failed: int = 0

    @property
    def seen(self) -> int:
        return max(self.started, self.ended)

    def take(self, increment: Increment) -> None:
        misplaced = increment.intended != increment.actual
        self.started += increment.started
        for ended in increment.ended:
            self.ended += ended.n
            if misplaced or ended.attempts > 1 or ended.outcome is Outcome.FAILED:
                self.failed += ended.n


@dataclass(slots=True)
class _Second:
    candidate: _Arm = field(default_factory=_Arm)
    stable: _Arm = field(default_factory=_Arm)


class Breakage:
    """Watch the last ten seconds in which requests began.

    Failures of the candidate are told at once, everything else once a second. So a second that is
    not told completely counts at least the requests that its weight would send there.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, _Second] = {}
        self._first: int | None = None

    def take(self, increment: Increment, *, candidate: bool) -> None:
        """Add what is new of one version."""
        second = increment.second
        if self._first is None or second < self._first:
            self._first = second
        seen = self._seconds.setdefault(second, _Second())
        (seen.candidate if candidate else seen.stable).take(increment)
        newest = max(self._seconds)
        for old in [at for at in self._seconds if at <= newest - _KEPT_S]:
            del self._seconds[old]

    def is_broken(self, limit: float, *, complete_to: int | None, weight_bp: int) -> bool:
        """Return whether at least `limit` of the candidate's newest requests failed."""
        newest = max(self._seconds, default=0)
        seconds = {
            at: second
            for at, second in self._seconds.items()
            if at > newest - _LAST_S and second.candidate.seen
        }
        begun = sum(second.candidate.seen for second in seconds.values())
        if begun < _FEWEST or len(seconds) < _FEWEST_SECONDS or complete_to is None:
            return False
        expected = self._rate(complete_to) * weight_bp / 10_000
        seen = sum(
            max(second.candidate.seen, expected if at > complete_to else 0.0)
            for at, second in seconds.items()
        )
        rate = sum(second.candidate.failed for second in seconds.values()) / seen
        stable = sum(second.stable.seen for second in seconds.values())
        failed = sum(second.stable.failed for second in seconds.values())
        return rate >= limit and (stable == 0 or failed / stable < _STABLE_PART * rate)

    def to_dict(self) -> State:
        """Write the seconds."""
        rows = [
            {"second": at, "candidate": _row(second.candidate), "stable": _row(second.stable)}
            for at, second in self._seconds.items()
        ]
        return {"seconds": rows, "first": self._first}

    @classmethod
    def from_dict(cls, state: State) -> "Breakage":
        """Read them back."""
        breakage = cls()
        for saved in items(state, "seconds"):
            inside = as_state(saved, "seconds")
            second = _Second(_arm(inside, "candidate"), _arm(inside, "stable"))
            breakage._seconds[count(inside, "second")] = second
        breakage._first = None if state.get("first") is None else count(state, "first")
        return breakage

    def _rate(self, complete_to: int) -> float:
        if self._first is None or complete_to < self._first:
            return 0.0
        length_s = min(_LAST_S, complete_to - self._first + 1)
        started = sum(
            second.candidate.started + second.stable.started
            for at, second in self._seconds.items()
            if complete_to - length_s < at <= complete_to
        )
        return started / length_s


def _row(arm: _Arm) -> list[int]:
    return [arm.started, arm.ended, arm.failed]


def _arm(state: State, key: str) -> _Arm:
    started, ended, failed = (int(value) for value in numbers(state, key))
    return _Arm(started, ended, failed)
