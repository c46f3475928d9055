"""The answer of a judge: one verdict, and what each figure shows."""

from dataclasses import dataclass
from enum import StrEnum

from turnout.statistics.settings import Unit


class Verdict(StrEnum):
    """What the evidence shows of the candidate."""

    WORSE = "worse"
    NOT_WORSE = "not_worse"
    UNDECIDED = "undecided"


class Comparison(StrEnum):
    """How a figure is judged."""

    COUNTS = "counts"
    RANKS = "ranks"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """Show one figure in the present step, from the windows that are settled.

    Rates (unit `%`) are 0…1, their difference is absolute; durations are in ms without the floor,
    their difference is relative. `low` and `high` are the 95 % band of the difference (None:
    open), `limit` is `worse_by` on the same scale, `maximum` is `max` on the scale of the values.
    `log_e` is the evidence for worse, its share of the false alarms included; `log_e_gate` that
    for not worse, or for a limit that is kept. `needed_requests` forecasts the candidate requests
    that the gate needs in a step where both versions are alike.
    """

    name: str
    verdict: Verdict
    comparison: Comparison
    unit: Unit
    stable_value: float | None
    candidate_value: float | None
    difference: float | None
    low: float | None
    high: float | None
    limit: float | None
    maximum: float | None
    stable_n: int
    candidate_n: int
    stable_x: int
    candidate_x: int
    age_s: float | None
    needed_requests: float | None
    log_e: float
    log_e_gate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Sum up what is known of the candidate.

    `worse`, `limit_broken` and `breakage` are final. `stable_breaks_too`: stable breaks the same
    limit. `gate`: the step may be left once its hold is over. `settled_to` is the last second of
    the last window that is settled for every figure. `late` counts
    requests whose start was told after their window was settled.
    """

    verdict: Verdict
    figures: tuple[FigureView, ...]
    requests_in_step: int
    exposed: int
    log_e: float
    limit_broken: str | None
    stable_breaks_too: bool
    breakage: bool
    settled_to: int | None
    gate: bool
    late: int
