"""Evidence of several figures and ages in one: sums of what settles together, then the largest."""

import math
from collections.abc import Sequence

from turnout.statistics.purse import log_sum

Part = tuple[float, float]


def group_log_e(parts: Sequence[Part]) -> float:
    """Return the evidence of purses settled together.

    Args:
        parts: (ω, log e) of each purse; ω are its part of the false alarms that are accepted.
    """
    return log_sum(math.log(weight) + log_e for weight, log_e in parts)


def release_log_e(groups: Sequence[Sequence[Part]]) -> float:
    """Return the largest evidence of any group; 0 without any.

    A sum over groups would need one order in time of all windows, which they do not have.
    """
    return max((group_log_e(parts) for parts in groups if parts), default=0.0)
