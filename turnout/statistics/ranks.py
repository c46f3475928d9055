"""Bets on the rank of each duration among stable's: is the candidate slower."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from turnout.statistics.bins import BINS, Histogram
from turnout.statistics.labels import Side, new_purse
from turnout.statistics.normal import score
from turnout.statistics.purse import Purse
from turnout.statistics.saved import State, as_state, counts, flat, masses, part

FADE: Final = 2.0**-0.1
FIRST_BASELINE: Final = 200
SHIFTS: Final = (0.1, 0.2, 0.35, 0.6, 1.0, 2.0)
_TAILS: Final = ((0.1, 1.5), (0.1, 3.0), (0.1, 6.0), (0.01, 3.0), (0.01, 10.0), (0.01, 30.0))
_EMPTY_BIN: Final = 1e-3

Row = Sequence[float]


class Baseline:
    """Hold stable's past durations: what had faded at the last minute, and what came since."""

    def __init__(self, past: Mapping[int, float] | None = None) -> None:
        self._faded = dict(past or {})
        self._fresh: dict[int, int] = {}

    @property
    def total(self) -> float:
        """Return how many requests, faded, it stands on."""
        return sum(self._faded.values()) + sum(self._fresh.values())

    def learn(self, stable: Histogram) -> None:
        """Add stable's durations of a window that was settled."""
        for bin_number, n in stable.items():
            self._fresh[bin_number] = self._fresh.get(bin_number, 0) + n

    def fade(self, factor: float = FADE) -> None:
        """Let the past count a little less: once a minute."""
        self._faded = {at: mass * factor for at, mass in self._all().items()}
        self._fresh = {}

    def table(self, side: Side, *, tails: bool = True) -> list[Row]:
        """Return for each bet and bin how many times more often the candidate is expected."""
        sums = _cumulated(self._all())
        sign = 1.0 if side is Side.WORSE else -1.0
        scores = [score((low + high) / 2.0) for low, high in sums]
        rows: list[Row] = [_shifted(sign * shift, scores) for shift in SHIFTS]
        if tails and side is Side.WORSE:
            rows.extend(_tail(share, ratio, sums) for share, ratio in _TAILS)
        return rows

    def to_dict(self) -> State:
        """Write both parts; the table is made again from the faded one."""
        return {"faded": flat(self._faded), "fresh": flat(self._fresh)}

    @classmethod
    def from_dict(cls, state: State) -> "Baseline":
        """Read a baseline back."""
        baseline = cls(masses(state, "faded"))
        baseline._fresh = counts(state, "fresh")
        return baseline

    def as_at_last_fading(self) -> "Baseline":
        """Return the part that a table in use was made from."""
        return Baseline(self._faded)

    def _all(self) -> dict[int, float]:
        joined = dict(self._faded)
        for bin_number, n in self._fresh.items():
            joined[bin_number] = joined.get(bin_number, 0.0) + n
        return joined


class RankTest:
    """Collect evidence on durations, window by window; each stratum has a baseline of its own.

    Source: Turner, Ly, Grünwald, "Generic E-variables for exact sequential k-sample tests".
    """

    def __init__(self, side: Side, *, shift_bins: int = 0, phi: float = 1.0) -> None:
        self.side = side
        self.shift_bins = shift_bins
        self._phi = phi
        self.restart_purse()
        self._baselines: dict[int, Baseline] = {}
        self.tables: dict[int, list[Row]] = {}

    @property
    def log_e(self) -> float:
        """Return the evidence in nats."""
        return self.purse.log_e

    def start(self, past: Histogram, stratum: int = 0) -> None:
        """Begin a stratum with stable's past; too little of it waits for more."""
        self._baselines[stratum] = Baseline()
        self._baselines[stratum].learn(past)
        self._make_first_table(stratum)

    def settle(self, candidate: Histogram, stable: Histogram, stratum: int = 0) -> None:
        """Take one window, then let stable's durations join the baseline."""
        baseline = self._baselines.setdefault(stratum, Baseline())
        if stratum in self.tables and candidate and stable:
            table = self.tables[stratum]
            gains = [rank_gain(row, self.shift_bins, candidate, stable) for row in table]
            self.purse.settle([gain / self._phi for gain in gains])
        baseline.learn(stable)
        if stratum not in self.tables:
            self._make_first_table(stratum)

    def pass_minutes(self, minutes: int) -> None:
        """Let the baselines fade and make new tables."""
        for stratum in self.tables:
            self._baselines[stratum].fade(math.pow(FADE, minutes))
            self.tables[stratum] = self._baselines[stratum].table(self.side)

    def restart_purse(self) -> None:
        """Begin with the capital 1 again and keep the baselines: a gate at a new step."""
        tails = len(_TAILS) if self.side is Side.WORSE else 0
        self.purse = new_purse(self.side, len(SHIFTS) + tails)

    def to_dict(self) -> State:
        """Write the state; side and shift are the caller's."""
        baselines = {str(at): baseline.to_dict() for at, baseline in self._baselines.items()}
        return {"purse": self.purse.to_dict(), "baselines": baselines}

    def restore(self, state: State) -> None:
        """Go on from a state that was written."""
        self.purse = Purse.from_dict(part(state, "purse"))
        self._baselines = {
            int(at): Baseline.from_dict(as_state(inside, "baselines"))
            for at, inside in part(state, "baselines").items()
        }
        self.tables = {}
        for stratum, baseline in self._baselines.items():
            made_from = baseline.as_at_last_fading()
            if made_from.total > 0.0:
                self.tables[stratum] = made_from.table(self.side)

    def _make_first_table(self, stratum: int) -> None:
        baseline = self._baselines[stratum]
        if baseline.total >= FIRST_BASELINE:
            baseline.fade(1.0)
            self.tables[stratum] = baseline.table(self.side)


def rank_gain(row: Row, shift_bins: int, candidate: Histogram, stable: Histogram) -> float:
    """Return what one bet wins in a window of both versions' durations."""
    n_c, n_s = sum(candidate.values()), sum(stable.values())
    share = n_c / (n_c + n_s)
    gain = 0.0
    for bin_number, n in sorted(candidate.items()):
        times = row[max(0, bin_number - shift_bins)]
        gain += n * math.log(times / (share * times + 1.0 - share))
    for bin_number, n in sorted(stable.items()):
        gain -= n * math.log(share * row[bin_number] + 1.0 - share)
    return gain


def _cumulated(baseline: Mapping[int, float]) -> list[tuple[float, float]]:
    filled = [baseline.get(bin_number, 0.0) + _EMPTY_BIN for bin_number in range(BINS)]
    total, below = math.fsum(filled), 0.0
    sums = []
    for mass in filled:
        sums.append((below / total, (below + mass) / total))
        below += mass
    return sums


def _shifted(shift: float, scores: Row) -> Row:
    return [math.exp(shift * z - shift * shift / 2.0) for z in scores]


def _tail(share: float, ratio: float, sums: Sequence[tuple[float, float]]) -> Row:
    other = (1.0 - share * ratio) / (1.0 - share)
    parts = [min(1.0, max(0.0, (high - (1.0 - share)) / (high - low))) for low, high in sums]
    return [above * ratio + (1.0 - above) * other for above in parts]
