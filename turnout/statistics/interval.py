"""Bands that hold at all times together: how far the candidate's rate or duration is off."""

from collections.abc import Callable, Sequence
from typing import Final

from turnout.errors import StatisticsError
from turnout.statistics.labels import SHARES, Cell, count_gain
from turnout.statistics.purse import log_sum
from turnout.statistics.saved import State, numbers

LOG_EXCLUDED: Final = 3.6888794541139363  # log 40: 95 % from both sides
_UP: Final = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
_BISECTIONS: Final = 40


class RateBand:
    """Keep what is needed to say where the difference of two rates lies, new at each step.

    Source: Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform confidence sequences".
    """

    def __init__(self) -> None:
        self._up = [[0.0, 0.0] for _ in _UP]
        self._down = [[0.0, 0.0] for _ in SHARES]

    def settle(self, cell: Cell) -> None:
        """Take one window; a window without one of the versions changes nothing."""
        if cell.n_c == 0 or cell.n_s == 0:
            return
        odds = cell.n_c / cell.n_s
        stakes = [(ratio - 1.0) / (1.0 + odds * ratio) for ratio in _UP]
        for sums, stake in zip(self._up, stakes, strict=True):
            sums[0] += count_gain(stake, odds, cell)
            sums[1] += stake * cell.n_c
        for sums, share in zip(self._down, SHARES, strict=True):
            sums[0] += count_gain(-share, odds, cell)
            sums[1] += share * cell.n_c

    def limits(self) -> tuple[float, float]:
        """Return the lowest and the highest difference that is not excluded."""
        low = _last_excluded(lambda margin: _mean(self._up, -margin), -1.0, 1.0)
        high = _last_excluded(lambda margin: _mean(self._down, margin), 1.0, -1.0)
        return low, high

    def to_dict(self) -> State:
        """Write the sums."""
        return {"up": _joined(self._up), "down": _joined(self._down)}

    @classmethod
    def from_dict(cls, state: State) -> "RateBand":
        """Read a band back."""
        band = cls()
        band._up = _paired(numbers(state, "up"), len(_UP))
        band._down = _paired(numbers(state, "down"), len(SHARES))
        return band


def _mean(sums: Sequence[Sequence[float]], margin: float) -> float:
    return log_sum(gain + margin * stake for gain, stake in sums) - log_sum([0.0] * len(sums))


def _last_excluded(log_e: Callable[[float], float], excluded: float, kept: float) -> float:
    if log_e(excluded) < LOG_EXCLUDED:
        return excluded
    for _ in range(_BISECTIONS):
        middle = (excluded + kept) / 2.0
        if log_e(middle) >= LOG_EXCLUDED:
            excluded = middle
        else:
            kept = middle
    return excluded


def _joined(sums: Sequence[Sequence[float]]) -> list[float]:
    return [value for pair in sums for value in pair]


def _paired(row: Sequence[float], pairs: int) -> list[list[float]]:
    if len(row) != 2 * pairs:
        raise StatisticsError(f"a saved band has {len(row)} numbers, not {2 * pairs}")
    return [[row[at], row[at + 1]] for at in range(0, len(row), 2)]
