"""Capital spread over a grid of bets, with cash beside it, all in logarithms."""

import math
from collections.abc import Iterable, Sequence

from turnout.errors import StatisticsError
from turnout.statistics.saved import State, finite_or_none, number, numbers


def log_sum(logs: Iterable[float]) -> float:
    """Return the logarithm of a sum whose terms are given as logarithms."""
    terms = list(logs)
    top = max(terms)
    if top == -math.inf:
        return top
    return top + math.log(math.fsum(math.exp(term - top) for term in terms))


class Purse:
    """Hold the capital 1, a share of it invested evenly in the bets and the rest in cash."""

    def __init__(self, bets: int, *, invested: float = 1.0) -> None:
        self._bets = [math.log(invested / bets)] * bets
        self._cash = _log_rest(invested)

    @property
    def cash(self) -> float:
        """Return the logarithm of the capital that is not invested."""
        return self._cash

    @property
    def log_e(self) -> float:
        """Return the logarithm of the whole capital: the evidence, 0 at the start."""
        return log_sum([*self._bets, self._cash])

    def settle(self, gains: Sequence[float]) -> None:
        """Add the gain of each bet, in logarithms."""
        if len(gains) != len(self._bets) or not all(map(math.isfinite, gains)):
            raise StatisticsError(f"{len(self._bets)} finite gains are due, not {gains}")
        self._bets = [capital + gain for capital, gain in zip(self._bets, gains, strict=True)]

    def invest(self, share: float) -> None:
        """Spread a share of the cash evenly over the bets; the whole capital stays the same."""
        if self._cash == -math.inf:
            return
        more = self._cash + math.log(share / len(self._bets))
        self._bets = [log_sum((capital, more)) for capital in self._bets]
        self._cash += _log_rest(share)

    def to_dict(self) -> State:
        """Write the capital, so that reading it changes no bit."""
        return {"bets": list(self._bets), "cash": finite_or_none(self._cash)}

    @classmethod
    def from_dict(cls, state: State) -> "Purse":
        """Read a purse back."""
        bets = numbers(state, "bets")
        purse = cls(len(bets))
        purse._bets, purse._cash = bets, number(state, "cash")
        return purse


def _log_rest(share: float) -> float:
    return math.log1p(-share) if share < 1.0 else -math.inf
