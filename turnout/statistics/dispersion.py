"""How much unsteadier stable's own replicas are than chance: the divisor φ of all gains."""

import math
from collections.abc import Sequence
from typing import Final

FEWEST_BLOCKS: Final = 20
_WEIGHT_OF_ONE: Final = 4.0


def of_counts(first: Sequence[int], both: Sequence[int]) -> float:
    """Return φ of failures: those of one half of the replicas, and of all, block by block."""
    share = sum(first) / sum(both) if sum(both) else 0.0
    seen = sum((x1 - share * x) ** 2 for x1, x in zip(first, both, strict=True))
    expected = share * (1.0 - share) * sum(both)
    return max(1.0, (_WEIGHT_OF_ONE + seen) / (_WEIGHT_OF_ONE + expected))


def of_scores(differences: Sequence[float]) -> float:
    """Return φ of durations: standardised differences of the halves' mean scores, by block."""
    if not differences:
        return 1.0
    middle = math.fsum(differences) / len(differences)
    seen = math.fsum((difference - middle) ** 2 for difference in differences)
    return max(1.0, (_WEIGHT_OF_ONE + seen) / (_WEIGHT_OF_ONE + len(differences) - 1))
