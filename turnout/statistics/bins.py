"""Log-linear bins, 16 an octave: which one holds a duration, and where each ends."""

import math
from collections.abc import Mapping

from turnout.errors import StatisticsError

BINS = 400
PER_OCTAVE = 16
FIRST_EDGE_MS = 0.1

Histogram = Mapping[int, int]


def bin_of(value_ms: float) -> int:
    """Return the bin of a duration; 0 and below fall into the first, an hour into the last."""
    if not math.isfinite(value_ms):
        raise StatisticsError(f"a duration of {value_ms} ms has no bin; leave it out")
    if value_ms <= FIRST_EDGE_MS:
        return 0
    return min(BINS - 1, math.floor(PER_OCTAVE * math.log2(value_ms / FIRST_EDGE_MS)))


def upper_edge_ms(bin_number: int) -> float:
    """Return the duration at which a bin ends."""
    return FIRST_EDGE_MS * math.exp2((bin_number + 1) / PER_OCTAVE)


def bins_of_rise(rise: float) -> int:
    """Return the whole bins, at least one, that come closest to a rise: 0.1 (10 %) is 2 bins."""
    return max(1, round(PER_OCTAVE * math.log2(1.0 + rise)))


def quantile_bin(counts: Histogram, share: float) -> int | None:
    """Return the bin in which the lowest `share` of the counts ends; None without counts."""
    total = sum(counts.values())
    seen = 0
    for bin_number in sorted(counts):
        seen += counts[bin_number]
        if counts[bin_number] and seen >= share * total:
            return bin_number
    return None


def quantile_ms(counts: Histogram, share: float) -> float | None:
    """Return the same as a duration, read off evenly (in logarithms) inside its bin."""
    found = quantile_bin(counts, share)
    if found is None:
        return None
    below = sum(n for bin_number, n in counts.items() if bin_number < found)
    part = (share * sum(counts.values()) - below) / counts[found]
    return FIRST_EDGE_MS * math.exp2((found + max(0.0, part)) / PER_OCTAVE)


def join(into: dict[int, int], more: Histogram) -> None:
    """Add counts to counts."""
    for bin_number, n in more.items():
        into[bin_number] = into.get(bin_number, 0) + n
