"""What a step will need before it starts: candidate requests of each figure, and their age."""

from collections.abc import Iterable
from dataclasses import dataclass

from turnout.statistics.ages import age_s
from turnout.statistics.bins import join
from turnout.statistics.forecast import (
    requests_to_not_worse,
    requests_to_rank,
    requests_within_limit,
    seconds_for,
)
from turnout.statistics.frozen import Frozen, freeze
from turnout.statistics.increment import Increment
from turnout.statistics.labels import Side
from turnout.statistics.margins import rate_margin
from turnout.statistics.past import Past
from turnout.statistics.ranks import Baseline
from turnout.statistics.settings import FigureRule, JudgeSettings, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Forecast what one figure needs in one step, if both versions are alike.

    `requests` are the candidate's (infinite: the margin is out of reach; None: stable's past does
    not tell); `age_s` is how old the last of them must be.
    """

    name: str
    requests: float | None
    age_s: float

    def seconds(self, *, candidate_rps: float) -> float | None:
        """Return how long that takes; None where the requests are not known."""
        if self.requests is None:
            return None
        return seconds_for(self.requests, candidate_rps=candidate_rps, age_s=self.age_s)


def past_of(increments: Iterable[Increment], stable: str) -> Past:
    """Put together stable's requests of the last minutes."""
    past = Past()
    for increment in increments:
        if increment.intended == stable and not increment.tester:
            past.take(increment)
    return past


def requests_needed(settings: JudgeSettings, past: Past, weight: float) -> tuple[Need, ...]:
    """Forecast the needs of a step; figures whose kind stable does not have are left out.

    Args:
        settings: what the release is judged by.
        past: stable's requests of the last minutes.
        weight: the candidate's share of the requests, inside (0, 1).
    """
    frozen = freeze(settings, past)
    return tuple(
        _need(rule, settings, frozen, past, weight)
        for rule in settings.figures
        if rule.quantity in frozen.ages
    )


def _need(
    rule: FigureRule, settings: JudgeSettings, frozen: Frozen, past: Past, weight: float
) -> Need:
    quantity, alpha = rule.quantity, settings.alpha_pass
    ages = frozen.ages[quantity]
    if quantity.is_rate:
        requests = _of_rate(rule, past, weight, alpha)
        return Need(name=rule.name, requests=requests, age_s=_s(ages.deadline_bin, settings))
    if rule.worse_by is None:
        return Need(name=rule.name, requests=None, age_s=_s(ages.late_bin, settings))
    shift_bins = frozen.margins[quantity].worse_by
    values = _values(past, quantity)
    requests = requests_to_rank(
        Baseline(dict(values)).table(Side.NOT_WORSE),
        values,
        shift_bins=shift_bins,
        weight=weight,
        alpha=alpha,
    )
    return Need(name=rule.name, requests=requests, age_s=_s(ages.late_bin + shift_bins, settings))


def _of_rate(rule: FigureRule, past: Past, weight: float, alpha: float) -> float | None:
    total = sum(past.decided(rule.quantity).values())
    rate = past.failures(rule.quantity) / total
    if rule.worse_by is not None:
        margin = rate_margin(rule.worse_by)
        room = margin.margin + (margin.ratio - 1.0) * rate
        return requests_to_not_worse(rate=rate, margin=room, weight=weight, alpha=alpha)
    if rule.max is None:
        return None
    return requests_within_limit(rate=rate, limit=rule.max.share, alpha=alpha)


def _values(past: Past, quantity: Quantity) -> dict[int, int]:
    values: dict[int, int] = {}
    for table in past.values(quantity).values():
        join(values, table)
    return values


def _s(bin_number: int, settings: JudgeSettings) -> float:
    return age_s(bin_number, settings.floor_ms)
