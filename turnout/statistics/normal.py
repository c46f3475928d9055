"""The normal score of a share, cut at three standard deviations."""

import math
from typing import Final

WIDEST: Final = 3.0
_SLOPE: Final = 1.702  # the logistic curve closest to the normal one; only a place to start
_STEPS: Final = 30
_CLOSE: Final = 1e-13


def score(share: float) -> float:
    """Return the z below which a share of the normal distribution lies, within ±3."""
    if share <= _below(-WIDEST):
        return -WIDEST
    if share >= _below(WIDEST):
        return WIDEST
    z = math.log(share / (1.0 - share)) / _SLOPE
    for _ in range(_STEPS):
        step = (_below(z) - share) / _density(z)
        z = max(-WIDEST, min(WIDEST, z - step))
        if abs(step) < _CLOSE:
            break
    return z


def _below(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
