"""How many candidate requests a verdict will need, if the rates are what they seem."""

import math
from collections.abc import Sequence
from typing import Final

from turnout.statistics.bins import Histogram
from turnout.statistics.labels import SHARES
from turnout.statistics.ranks import Row

_PRICE_WORSE: Final = 1.2  # nats lost by not knowing the size of the rise
_PRICE_NOT_WORSE: Final = 0.7
_RAREST: Final = 1000.0
SETTLING_S: Final = 2.2


def requests_to_worse(
    *, stable_rate: float, candidate_rate: float, weight: float, alpha: float = 0.01
) -> float:
    """Return the candidate requests until a rise is found; infinite where there is none.

    Args:
        stable_rate: failures per request, 0…1.
        candidate_rate: likewise.
        weight: the candidate's share of the requests, inside (0, 1).
        alpha: false alarms that are accepted per release.
    """
    lowest = max(stable_rate, candidate_rate / _RAREST)
    if candidate_rate <= lowest:
        return math.inf
    odds = weight / (1.0 - weight)
    ratio = candidate_rate / lowest
    stake = (ratio - 1.0) / (1.0 + odds * ratio)
    growth = candidate_rate * math.log1p(stake) + lowest / odds * math.log1p(-stake * odds)
    return _needed(alpha, _PRICE_WORSE, growth)


def requests_to_not_worse(
    *, rate: float, margin: float, weight: float, alpha: float = 0.05
) -> float:
    """Return the candidate requests until equal rates are shown to be within the margin."""
    odds = weight / (1.0 - weight)
    growth = max(
        share * margin + rate * (math.log1p(-share) + math.log1p(share * odds) / odds)
        for share in SHARES
    )
    return _needed(alpha, _PRICE_NOT_WORSE, growth)


def requests_within_limit(*, rate: float, limit: float, alpha: float = 0.05) -> float:
    """Return the candidate requests until a rate is shown to be below a limit."""
    growth = max(share * limit + rate * math.log1p(-share) for share in SHARES)
    return _needed(alpha, _PRICE_NOT_WORSE, growth)


def requests_to_rank(
    table: Sequence[Row], values: Histogram, *, shift_bins: int, weight: float, alpha: float = 0.05
) -> float:
    """Return the candidate requests until equal durations are shown to be within whole bins.

    Args:
        table: a row of `not_worse` for each bet.
        values: durations of stable, which the candidate's are taken to be like.
        shift_bins: the margin.
        weight: the candidate's share of the requests, inside (0, 1).
        alpha: share of steps passed wrongly that is accepted.
    """
    total = sum(values.values())
    if not total or not table:
        return math.inf
    growth = max(_rank_growth(row, values, shift_bins, weight) / total for row in table)
    return _needed(alpha, _PRICE_NOT_WORSE, growth)


def seconds_for(requests: float, *, candidate_rps: float, age_s: float) -> float:
    """Return how long so many candidate requests take until they are settled."""
    if candidate_rps <= 0.0:
        return math.inf
    return requests / candidate_rps + age_s + SETTLING_S


def _rank_growth(row: Row, values: Histogram, shift_bins: int, weight: float) -> float:
    growth = 0.0
    for at, n in values.items():
        times = row[max(0, at - shift_bins)]
        growth += n * math.log(times / (weight * times + 1.0 - weight))
        mixed = math.log(weight * row[at] + 1.0 - weight)
        growth -= n * mixed * (1.0 - weight) / weight
    return growth


def _needed(alpha: float, price: float, growth: float) -> float:
    return (math.log(1.0 / alpha) + price) / growth if growth > 0.0 else math.inf
