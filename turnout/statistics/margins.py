"""What `worse_by` and `tolerance` mean to a test: a ratio and a margin, or whole bins."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from turnout.errors import StatisticsError
from turnout.statistics.bins import bins_of_rise
from turnout.statistics.settings import Amount, FigureRule, Unit

_SMALLEST_MS: Final = 1e-3


@dataclass(frozen=True, slots=True)
class RateMargin:
    """Compare the candidate's rate with `ratio` · stable's + `margin`."""

    ratio: float = 1.0
    margin: float = 0.0


@dataclass(frozen=True, slots=True)
class BinMargins:
    """Compare durations shifted by whole bins: `tolerance` for worse, `worse_by` for not worse."""

    tolerance: int
    worse_by: int


def rate_margin(amount: Amount | None) -> RateMargin:
    """Return what an amount means for a rate; none is no margin."""
    if amount is None:
        return RateMargin()
    if amount.unit is Unit.RATIO:
        return RateMargin(ratio=amount.value)
    return RateMargin(margin=amount.share)


def bin_margins(rules: Iterable[tuple[FigureRule, float]]) -> BinMargins:
    """Return the tightest margins of all figures of one quantity.

    Args:
        rules: figures with a `worse_by`, each with stable's value in ms (for margins in ms).
    """
    pairs = list(rules)
    worse_by = min(_bins(rule.worse_by, value_ms) for rule, value_ms in pairs if rule.worse_by)
    named = [
        _bins(rule.tolerance, value_ms) if rule.tolerance.value > 0.0 else 0
        for rule, value_ms in pairs
        if rule.tolerance is not None
    ]
    tolerance = min(named) if named else min(1, worse_by - 1)
    if tolerance >= worse_by:
        names = ", ".join(rule.name for rule, _ in pairs)
        raise StatisticsError(
            f"`tolerance` of {names} is not below `worse_by`: both are {worse_by} bins of 4.4 %"
        )
    return BinMargins(tolerance, worse_by)


def _bins(amount: Amount, value_ms: float) -> int:
    if amount.unit is Unit.MS:
        return bins_of_rise(amount.value / max(value_ms, _SMALLEST_MS))
    return bins_of_rise(amount.rise)
