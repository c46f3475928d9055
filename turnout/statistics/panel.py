"""Which tests judge a release: from its figures and from what was frozen."""

from collections.abc import Iterator
from typing import Final

from turnout.statistics.ages import Ages, ages_without_stable
from turnout.statistics.bins import bin_of, join
from turnout.statistics.frozen import Frozen, floor_of
from turnout.statistics.labels import CountRule, CountTest, Side
from turnout.statistics.margins import rate_margin
from turnout.statistics.past import Past
from turnout.statistics.ranks import RankTest
from turnout.statistics.reading import Form, Reading
from turnout.statistics.settings import FigureRule, JudgeSettings, Quantity
from turnout.statistics.trial import Brief, Role, Trial

_TAIL_MARGIN: Final = 0.01
_TAIL: Final = 0.99


def comparisons(settings: JudgeSettings, frozen: Frozen, past: Past, step: int) -> list[Trial]:
    """Return the tests that compare with stable, those of durations begun with its past."""
    compared = frozen.compared(settings)
    trials: list[Trial] = []
    for quantity in compared:
        panel = _Panel(settings, quantity, frozen.ages[quantity], step, 1.0 / len(compared))
        if quantity.is_rate:
            trials.extend(panel.of_rate())
        else:
            margins = frozen.margins[quantity]
            trials.extend(panel.of_durations(margins.tolerance, margins.worse_by, past))
    return trials


def limits(settings: JudgeSettings, frozen: Frozen | None, step: int) -> list[Trial]:
    """Return the tests of `max`; with nothing frozen they wait as long as the route does."""
    trials: list[Trial] = []
    for rule in settings.figures:
        ages = _ages(settings, frozen, rule.quantity)
        if rule.max is not None and ages is not None:
            trials.extend(_Panel(settings, rule.quantity, ages, step, 0.0).of_limit(rule))
    return trials


class _Panel:
    def __init__(
        self, settings: JudgeSettings, quantity: Quantity, ages: Ages, step: int, omega: float
    ) -> None:
        self._settings = settings
        self._quantity = quantity
        self._ages = ages
        self._step = step
        self._omega = omega

    def of_rate(self) -> Iterator[Trial]:
        (rule,) = self._settings.compared(self._quantity)
        tolerance, worse_by = rate_margin(rule.tolerance), rate_margin(rule.worse_by)
        ages = self._ages.of_rate()
        for age_bin in ages:
            omega = self._omega / len(ages)
            brief = self._brief(Role.WORSE, self._failures(age_bin), omega)
            yield self._counts(brief, tolerance.ratio, tolerance.margin)
        gate = self._brief(Role.GATE, self._failures(self._ages.deadline_bin))
        yield self._counts(gate, worse_by.ratio, worse_by.margin)

    def of_durations(self, tolerance: int, worse_by: int, past: Past) -> Iterator[Trial]:
        ages = self._ages.of_durations()
        for age_bin in ages:
            reading = self._reading(Form.DURATIONS, age_bin, tolerance)
            brief = self._brief(Role.WORSE, reading, self._omega / len(ages))
            yield self._ranks(brief, Side.WORSE, past)
        reading = self._reading(Form.DURATIONS, self._ages.late_bin, worse_by)
        yield self._ranks(self._brief(Role.GATE, reading), Side.NOT_WORSE, past)
        tails = [r for r in self._settings.compared(self._quantity) if r.quantile == _TAIL]
        if tails and self._ages.p99_bin is not None:
            brief = self._brief(
                Role.TAIL_GATE, self._above(self._ages.late_bin, self._ages.p99_bin)
            )
            yield self._counts(brief, 1.0, _TAIL_MARGIN)

    def of_limit(self, rule: FigureRule) -> Iterator[Trial]:
        reading, share = self._limit(rule)
        for role in (Role.LIMIT_BROKEN, Role.STABLE_BREAKS, Role.LIMIT_KEPT):
            yield self._counts(Brief(name=rule.name, role=role, reading=reading), 0.0, share)

    def _limit(self, rule: FigureRule) -> tuple[Reading, float]:
        if rule.max is None:
            return self._failures(self._ages.deadline_bin), 1.0
        if self._quantity.is_rate:
            return self._failures(self._ages.deadline_bin), rule.max.share
        floor_ms = floor_of(self._settings, self._quantity)
        limit_bin = bin_of(rule.max.value + floor_ms)
        if self._quantity is Quantity.TPOT:
            age_bin = self._ages.late_bin
        else:
            age_bin = max(self._ages.one_second_bin, limit_bin)
        return self._above(age_bin, limit_bin), 1.0 - rule.quantile

    def _brief(self, role: Role, reading: Reading, omega: float = 0.0) -> Brief:
        return Brief(name=self._quantity.value, role=role, reading=reading, omega=omega)

    def _failures(self, age_bin: int) -> Reading:
        hung = age_bin == self._ages.deadline_bin
        return self._reading(Form.FAILED_OR_HUNG if hung else Form.FAILED, age_bin)

    def _reading(self, form: Form, age_bin: int, shift_bins: int = 0) -> Reading:
        return Reading(quantity=self._quantity, form=form, age_bin=age_bin, shift_bins=shift_bins)

    def _above(self, age_bin: int, limit_bin: int) -> Reading:
        return Reading(
            quantity=self._quantity, form=Form.ABOVE, age_bin=age_bin, limit_bin=limit_bin
        )

    def _counts(self, brief: Brief, ratio: float, margin: float) -> Trial:
        side = Side.NOT_WORSE if brief.role.is_gate else Side.WORSE
        rule = CountRule(side=side, ratio=ratio, margin=margin, phi=self._settings.phi)
        return Trial(brief, CountTest(rule), step=self._step)

    def _ranks(self, brief: Brief, side: Side, past: Past) -> Trial:
        reading = brief.reading
        test = RankTest(side, shift_bins=reading.shift_bins, phi=self._settings.phi)
        top = reading.tops[1]
        for stratum, values in past.values(self._quantity).items():
            cut: dict[int, int] = {}
            for at, n in values.items():
                join(cut, {min(at, top): n})
            test.start(cut, stratum)
        return Trial(brief, test, step=self._step)


def _ages(settings: JudgeSettings, frozen: Frozen | None, quantity: Quantity) -> Ages | None:
    if frozen is not None:
        return frozen.ages.get(quantity)
    return ages_without_stable(floor_ms=settings.floor_ms, timeout_s=settings.timeout_s)
