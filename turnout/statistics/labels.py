"""Bets on the label of what failed: is the candidate's share of the failures more than its odds."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from turnout.errors import StatisticsError
from turnout.statistics.purse import Purse
from turnout.statistics.saved import State, part

_INVESTED_AT_START: Final = 0.75
_RATIOS: Final = (1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 25.0, 60.0, 200.0, 1000.0)
SHARES: Final = (0.05, 0.12, 0.25, 0.4, 0.6, 0.8, 0.93)


class Side(StrEnum):
    """Which of the two claims a test can show."""

    WORSE = "worse"
    NOT_WORSE = "not_worse"


@dataclass(frozen=True, slots=True)
class Cell:
    """Count requests and failures of both versions in one window.

    Raises:
        StatisticsError: a count is no whole number, negative, or has more failures than requests.
    """

    n_c: int
    x_c: int
    n_s: int
    x_s: int

    def __post_init__(self) -> None:
        for name in ("n_c", "x_c", "n_s", "x_s"):
            value: object = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise StatisticsError(f"`{name}` must be a whole number from 0 on, not {value}")
        for failed, seen in (("x_c", "n_c"), ("x_s", "n_s")):
            if getattr(self, failed) > getattr(self, seen):
                raise StatisticsError(f"`{failed}` is {getattr(self, failed)}, more than `{seen}`")


def paired_cell(pairs: int, only_candidate: int, only_stable: int) -> Cell:
    """Count pairs of one request sent to both versions that only one of them failed.

    Source: McNemar's test, as a bet.
    """
    if only_candidate + only_stable > pairs:
        raise StatisticsError(f"{only_candidate} + {only_stable} pairs differ, but {pairs} exist")
    return Cell(pairs, only_candidate, pairs, only_stable)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule:
    """State the null hypothesis: candidate's rate against `ratio` · stable's rate + `margin`.

    A ratio of 0 makes a limit test: the margin is the limit and stable is not needed. All gains
    are divided by the dispersion `phi`.
    """

    side: Side
    ratio: float = 1.0
    margin: float = 0.0
    phi: float = 1.0


class CountTest:
    """Collect evidence on rates, window by window.

    Source: Turner, Ly, Grünwald, "Generic E-variables for exact sequential k-sample tests".
    """

    def __init__(self, rule: CountRule) -> None:
        self.rule = rule
        self._bets = _RATIOS if rule.side is Side.WORSE else SHARES
        self.restart_purse()

    @property
    def log_e(self) -> float:
        """Return the evidence in nats."""
        return self.purse.log_e

    def settle(self, cell: Cell) -> None:
        """Take one window; a window without one of the versions changes nothing."""
        if cell.n_c == 0 or (cell.n_s == 0 and self.rule.ratio > 0.0):
            return
        odds = self.rule.ratio * cell.n_c / cell.n_s if self.rule.ratio > 0.0 else 0.0
        self.purse.settle([self._gain(bet, odds, cell) / self.rule.phi for bet in self._bets])

    def restart_purse(self) -> None:
        """Begin with the capital 1 again: a gate at a new step."""
        self.purse = new_purse(self.rule.side, len(self._bets))

    def to_dict(self) -> State:
        """Write the state; the rule is the caller's."""
        return {"purse": self.purse.to_dict()}

    def restore(self, state: State) -> None:
        """Go on from a state that was written."""
        self.purse = Purse.from_dict(part(state, "purse"))

    def _gain(self, bet: float, odds: float, cell: Cell) -> float:
        stake = (bet - 1.0) / (1.0 + odds * bet) if self.rule.side is Side.WORSE else -bet
        return count_gain(stake, odds, cell) - stake * self.rule.margin * cell.n_c


def new_purse(side: Side, bets: int) -> Purse:
    """Return the purse of a test: one of `worse` keeps a quarter back, for what begins later."""
    return Purse(bets, invested=_INVESTED_AT_START if side is Side.WORSE else 1.0)


def count_gain(stake: float, odds: float, cell: Cell) -> float:
    """Return what a stake on "candidate" wins in one window, before any margin."""
    return cell.x_c * math.log1p(stake) + cell.x_s * math.log1p(-stake * odds)
