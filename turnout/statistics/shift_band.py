"""A band for durations: by which factor the candidate is slower, from tests shifted by bins."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from turnout.errors import StatisticsError
from turnout.statistics.bins import PER_OCTAVE
from turnout.statistics.interval import LOG_EXCLUDED
from turnout.statistics.purse import log_sum
from turnout.statistics.ranks import SHIFTS, Row
from turnout.statistics.reading import Durations
from turnout.statistics.saved import State, numbers

_LOWEST: Final = -8
_HIGHEST: Final = 16
_COUNT: Final = _HIGHEST - _LOWEST + 1

Tops = tuple[int, int]


class ShiftBand:
    """Hold for each shift the capital of "slower than that" and of "faster", new at each step."""

    def __init__(self) -> None:
        self._slower = [[0.0] * _COUNT for _ in SHIFTS]
        self._faster = [[0.0] * _COUNT for _ in SHIFTS]

    def settle(self, table: Sequence[Row], seen: Durations, tops: Tops) -> None:
        """Take one window.

        Args:
            table: the row of `not_worse` of each bet.
            seen: durations of both versions.
            tops: the bins at which the candidate's and stable's durations are cut.
        """
        if not seen.candidate or not seen.stable:
            return
        for at, delta in enumerate(SHIFTS):
            falling = table[at]
            rising = [math.exp(-delta * delta) / times for times in falling]
            self._slower[at] = _sums(self._slower[at], _gains(rising, seen, tops))
            self._faster[at] = _sums(self._faster[at], _gains(falling, seen, tops))

    def limits(self) -> tuple[float | None, float | None]:
        """Return the lowest and highest relative difference not excluded; None: open."""
        above, below = _excluded(self._slower), _excluded(self._faster)
        low = _difference(above[-1]) if above else None
        return low, _difference(below[0]) if below else None

    def to_dict(self) -> State:
        """Write all capitals."""
        return {
            "slower": [capital for row in self._slower for capital in row],
            "faster": [capital for row in self._faster for capital in row],
        }

    @classmethod
    def from_dict(cls, state: State) -> "ShiftBand":
        """Read a band back."""
        band = cls()
        band._slower = _rows(numbers(state, "slower"))
        band._faster = _rows(numbers(state, "faster"))
        return band


def _gains(row: Row, seen: Durations, tops: Tops) -> Iterator[float]:
    n_c, n_s = sum(seen.candidate.values()), sum(seen.stable.values())
    share = n_c / (n_c + n_s)
    mixed = [math.log(share * times + 1.0 - share) for times in row]
    won = [math.log(times) - log_mixed for times, log_mixed in zip(row, mixed, strict=True)]
    candidate, stable = sorted(seen.candidate.items()), sorted(seen.stable.items())
    for shift in range(_LOWEST, _HIGHEST + 1):
        # Both are cut where both are still known: the same function of the shifted duration.
        cut = min(tops[0] - shift, tops[1], len(row) - 1)
        gain = sum(n * won[max(0, min(at - shift, cut))] for at, n in candidate)
        yield gain - sum(n * mixed[min(at, cut)] for at, n in stable)


def _sums(capitals: Sequence[float], gains: Iterator[float]) -> list[float]:
    return [capital + gain for capital, gain in zip(capitals, gains, strict=True)]


def _excluded(rows: Sequence[Sequence[float]]) -> list[int]:
    limit = LOG_EXCLUDED + math.log(len(rows))
    columns = zip(*rows, strict=True)
    return [_LOWEST + at for at, column in enumerate(columns) if log_sum(column) >= limit]


def _difference(shift: int) -> float:
    return math.exp2(shift / PER_OCTAVE) - 1.0


def _rows(flat: Sequence[float]) -> list[list[float]]:
    if len(flat) != _COUNT * len(SHIFTS):
        raise StatisticsError(f"a saved band has {len(flat)} numbers, not {_COUNT * len(SHIFTS)}")
    return [list(flat[at : at + _COUNT]) for at in range(0, len(flat), _COUNT)]
