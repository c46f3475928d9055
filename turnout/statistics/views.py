"""How each figure stands, put together from its tests for a person to read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from turnout.statistics.ages import age_s
from turnout.statistics.combine import release_log_e
from turnout.statistics.forecast import (
    requests_to_not_worse,
    requests_to_rank,
    requests_within_limit,
)
from turnout.statistics.frozen import floor_of
from turnout.statistics.judgement import Comparison, FigureView, Verdict
from turnout.statistics.margins import RateMargin, rate_margin
from turnout.statistics.picture import DurationPicture, RatePicture
from turnout.statistics.ranks import RankTest
from turnout.statistics.settings import Amount, FigureRule, JudgeSettings, Unit
from turnout.statistics.trial import Role, Trial

_FULL_BP = 10_000
_NOTHING = RatePicture()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Hold what views are made of: the tests, the weight in force, what was found for good."""

    settings: JudgeSettings
    trials: Sequence[Trial]
    step: int
    weight_bp: int
    worse: str | None = None
    limit_broken: str | None = None

    def named(self, name: str, *roles: Role) -> list[Trial]:
        """Return the tests of a figure or quantity that play one of the roles."""
        return [t for t in self.trials if t.brief.name == name and t.brief.role in roles]

    def all(self, *roles: Role) -> list[Trial]:
        """Return the tests that play one of the roles."""
        return [trial for trial in self.trials if trial.brief.role in roles]

    @property
    def pass_limit(self) -> float:
        """Return the evidence that a gate asks for."""
        return -math.log(self.settings.alpha_pass)

    @property
    def worse_limit(self) -> float:
        """Return the evidence that rolls back."""
        return -math.log(self.settings.false_alarms)

    @property
    def weight(self) -> float | None:
        """Return the candidate's share; None where nothing can be compared."""
        return self.weight_bp / _FULL_BP if 0 < self.weight_bp < _FULL_BP else None

    def gates_of(self, rule: FigureRule) -> list[Trial]:
        """Return what a figure must pass: its comparison, or its limit where it has none."""
        if rule.worse_by is None:
            return self.named(rule.name, Role.LIMIT_KEPT)
        return self.named(rule.quantity.value, Role.GATE, Role.TAIL_GATE)


def release_evidence(scene: Scene) -> float:
    """Return the evidence for worse of all figures: the largest of any age."""
    groups: dict[int, list[tuple[float, float]]] = {}
    for trial in scene.all(Role.WORSE):
        group = groups.setdefault(trial.brief.reading.waited_bin, [])
        group.append((trial.brief.omega, trial.test.log_e))
    return release_log_e(list(groups.values()))


def worst_quantity(scene: Scene) -> str | None:
    """Return the quantity with the most evidence for worse."""
    trials = scene.all(Role.WORSE)
    worst = max(trials, key=lambda t: math.log(t.brief.omega) + t.test.log_e, default=None)
    return None if worst is None else worst.brief.name


def broken_limit(scene: Scene) -> Trial | None:
    """Return the test of a `max` that the candidate breaks."""
    broken = scene.all(Role.LIMIT_BROKEN)
    return next((trial for trial in broken if trial.test.log_e >= scene.worse_limit), None)


def stable_breaks(scene: Scene, name: str) -> bool:
    """Return whether stable breaks the limit of a figure in the same seconds."""
    trials = scene.named(name, Role.STABLE_BREAKS)
    return any(trial.test.log_e >= scene.worse_limit for trial in trials)


def all_pass(scene: Scene) -> bool:
    """Return whether every figure's gate is passed in this step."""
    gates = [trial for rule in scene.settings.figures for trial in scene.gates_of(rule)]
    return all(trial.log_e_at(scene.step) >= scene.pass_limit for trial in gates)


def figure_views(scene: Scene) -> tuple[FigureView, ...]:
    """Return the figures that are judged, in the order of the release file."""
    rules = [rule for rule in scene.settings.figures if scene.gates_of(rule)]
    return tuple(_view(scene, rule) for rule in rules)


def _view(scene: Scene, rule: FigureRule) -> FigureView:
    gates = scene.gates_of(rule)
    gate = gates[0]
    shown = _shown(scene, rule, gate)
    picture = shown.picture if shown.step == scene.step else None
    numbers = _durations(scene, rule, picture) if isinstance(picture, DurationPicture) else None
    if numbers is None:
        numbers = _rates(rule, picture if isinstance(picture, RatePicture) else _NOTHING)
    log_e = _worse(scene, rule)
    log_e_gate = min(trial.log_e_at(scene.step) for trial in gates)
    floor_ms = scene.settings.floor_ms
    return FigureView(
        name=rule.name,
        verdict=_verdict(scene, rule, log_e_gate),
        comparison=_comparison(rule),
        unit=Unit.PERCENT if rule.quantity.is_rate else Unit.MS,
        stable_value=numbers.stable,
        candidate_value=numbers.candidate,
        difference=numbers.difference,
        low=numbers.low,
        high=numbers.high,
        limit=_limit(rule, numbers.stable),
        maximum=_maximum(rule),
        stable_n=numbers.stable_n,
        candidate_n=numbers.candidate_n,
        stable_x=numbers.stable_x,
        candidate_x=numbers.candidate_x,
        age_s=age_s(shown.brief.reading.waited_bin, floor_ms),
        needed_requests=_needed(scene, rule, gate, numbers.stable),
        log_e=log_e,
        log_e_gate=log_e_gate,
    )


def _shown(scene: Scene, rule: FigureRule, gate: Trial) -> Trial:
    """Give the test whose numbers are shown: the one that found it worse, else the gate.

    A test of a shorter age finds a version worse before the gate has settled a window.
    """
    if rule.worse_by is None or rule.quantity.value != scene.worse:
        return gate
    found = scene.named(rule.quantity.value, Role.WORSE)
    return max(found, key=lambda trial: trial.test.log_e, default=gate)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    stable: float | None
    candidate: float | None
    difference: float | None
    low: float | None
    high: float | None
    stable_n: int
    candidate_n: int
    stable_x: int
    candidate_x: int


def _rates(rule: FigureRule, picture: RatePicture) -> _Numbers:
    cell = picture.cell
    stable = cell.x_s / cell.n_s if cell.n_s else None
    candidate = cell.x_c / cell.n_c if cell.n_c else None
    known = stable is not None and candidate is not None and rule.quantity.is_rate
    low, high = picture.limits() if known else (None, None)
    return _Numbers(
        stable=stable,
        candidate=candidate,
        difference=None if stable is None or candidate is None else candidate - stable,
        low=low,
        high=high,
        stable_n=cell.n_s,
        candidate_n=cell.n_c,
        stable_x=cell.x_s,
        candidate_x=cell.x_c,
    )


def _durations(scene: Scene, rule: FigureRule, picture: DurationPicture) -> _Numbers:
    floor_ms = floor_of(scene.settings, rule.quantity)
    stable = _without(floor_ms, picture.value_ms(rule.quantile, candidate=False))
    candidate = _without(floor_ms, picture.value_ms(rule.quantile, candidate=True))
    low, high = picture.limits()
    ratio = candidate / stable if stable and candidate is not None else None
    return _Numbers(
        stable=stable,
        candidate=candidate,
        difference=None if ratio is None else ratio - 1.0,
        low=low,
        high=high,
        stable_n=sum(picture.seen.stable.values()),
        candidate_n=sum(picture.seen.candidate.values()),
        stable_x=0,
        candidate_x=0,
    )


def _without(floor_ms: float, value_ms: float | None) -> float | None:
    return None if value_ms is None else max(0.0, value_ms - floor_ms)


def _worse(scene: Scene, rule: FigureRule) -> float:
    shares = [
        math.log(trial.brief.omega) + trial.test.log_e
        for trial in scene.named(rule.quantity.value, Role.WORSE)
        if rule.worse_by is not None
    ]
    broken = [trial.test.log_e for trial in scene.named(rule.name, Role.LIMIT_BROKEN)]
    return max(shares + broken, default=0.0)


def _verdict(scene: Scene, rule: FigureRule, log_e_gate: float) -> Verdict:
    compared = rule.worse_by is not None and rule.quantity.value == scene.worse
    if compared or rule.name == scene.limit_broken:
        return Verdict.WORSE
    return Verdict.NOT_WORSE if log_e_gate >= scene.pass_limit else Verdict.UNDECIDED


def _comparison(rule: FigureRule) -> Comparison:
    if rule.worse_by is None:
        return Comparison.LIMIT
    return Comparison.COUNTS if rule.quantity.is_rate else Comparison.RANKS


def _limit(rule: FigureRule, stable: float | None) -> float | None:
    amount = rule.worse_by
    if amount is None:
        return None
    if rule.quantity.is_rate:
        return _margin(rate_margin(amount), stable or 0.0)
    return _rise(amount, stable)


def _margin(margin: RateMargin, stable: float) -> float:
    return margin.margin + (margin.ratio - 1.0) * stable


def _rise(amount: Amount, stable: float | None) -> float | None:
    if amount.unit is Unit.MS:
        return amount.value / stable if stable else None
    return amount.rise


def _maximum(rule: FigureRule) -> float | None:
    if rule.max is None:
        return None
    return rule.max.share if rule.quantity.is_rate else rule.max.value


def _needed(scene: Scene, rule: FigureRule, gate: Trial, stable: float | None) -> float | None:
    if rule.worse_by is None:
        known = rule.quantity.is_rate and rule.max is not None and stable is not None
        if not known or rule.max is None or stable is None:
            return None
        alpha = scene.settings.alpha_pass
        return _finite(requests_within_limit(rate=stable, limit=rule.max.share, alpha=alpha))
    if scene.weight is None:
        return None
    return _finite(_forecast(scene, gate, _limit(rule, stable), scene.weight))


def _forecast(scene: Scene, gate: Trial, limit: float | None, weight: float) -> float:
    alpha = scene.settings.alpha_pass
    if isinstance(gate.test, RankTest) and isinstance(gate.picture, DurationPicture):
        return requests_to_rank(
            gate.test.tables.get(0, ()),
            gate.picture.seen.stable,
            shift_bins=gate.brief.reading.shift_bins,
            weight=weight,
            alpha=alpha,
        )
    cell = gate.picture.cell if isinstance(gate.picture, RatePicture) else None
    rate = cell.x_s / cell.n_s if cell and cell.n_s else 0.0
    return requests_to_not_worse(rate=rate, margin=limit or 0.0, weight=weight, alpha=alpha)


def _finite(requests: float) -> float | None:
    return requests if math.isfinite(requests) else None
