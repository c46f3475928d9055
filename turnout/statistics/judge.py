"""The judge of one release: increments and weights in, one verdict out; no clock, no I/O."""

import math
from dataclasses import dataclass, replace
from typing import Final

from turnout.statistics.ages import age_s, lag_s
from turnout.statistics.breakage import Breakage
from turnout.statistics.docket import Docket
from turnout.statistics.docket import WindowRecord as WindowRecord  # noqa: PLC0414 - its answer
from turnout.statistics.frozen import Frozen, freeze
from turnout.statistics.increment import Increment
from turnout.statistics.judgement import FigureView as FigureView  # noqa: PLC0414 - its answer
from turnout.statistics.judgement import Judgement as Judgement  # noqa: PLC0414 - its answer
from turnout.statistics.judgement import Verdict as Verdict  # noqa: PLC0414 - its answer
from turnout.statistics.panel import comparisons, limits
from turnout.statistics.past import Past
from turnout.statistics.saved import (
    State,
    as_state,
    count,
    count_or_none,
    flag,
    items,
    part,
    text,
    text_or_none,
)
from turnout.statistics.settings import JudgeSettings
from turnout.statistics.trial import Trial
from turnout.statistics.views import (
    Scene,
    all_pass,
    broken_limit,
    figure_views,
    release_evidence,
    stable_breaks,
    worst_quantity,
)
from turnout.statistics.window import Span
from turnout.statistics.windower import Windower

_FULL_BP: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """Which weight is in force, and since when."""

    weight_bp: int = 0
    step: int = 0
    step_first_s: int = 0
    exposed_at_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """What holds for good once it was found."""

    worse: str | None = None
    limit_broken: str | None = None
    stable_breaks_too: bool = False
    breakage: bool = False


class Judge:
    """Judge one release by its figures, from increments in the order in which they were told.

    Call `closed` before `to_dict`, and save both with the cursor of the last increment.
    """

    def __init__(self, settings: JudgeSettings, stable: str | None, candidate: str) -> None:
        self._settings = settings
        self._stable = stable
        self._candidate = candidate
        self._past = Past()
        self._frozen: Frozen | None = None
        self._trials: list[Trial] = []
        self._windower = Windower()
        self._docket = Docket()
        self._breakage = Breakage()
        self._standing = _Standing()
        self._found = _Findings()
        self._exposed = 0
        self._in_step = 0
        self._records: list[WindowRecord] = []

    @property
    def floor_ms(self) -> float:
        """Return what the gateway adds to every duration."""
        return self._settings.floor_ms

    @property
    def deadline_s(self) -> float:
        """Return the age after which no figure waits for a request any more."""
        waited = [age_s(horizon, self.floor_ms) for horizon in self._horizons()]
        known = self._frozen is not None
        return max(waited) if known and waited else max([self._settings.timeout_s, *waited])

    def take(self, increment: Increment) -> None:
        """Take what is new of one key; testers and other instance sets do not count."""
        if increment.tester or increment.intended not in (self._candidate, self._stable):
            return
        candidate = increment.intended == self._candidate
        self._breakage.take(increment, candidate=candidate)
        if candidate:
            self._count_exposed(increment)
            self._look_for_breakage()
        elif self._frozen is None:
            self._past.take(increment)
        if not self._windower.take(increment, candidate=candidate):
            self._docket.take(increment, candidate=candidate)

    def heartbeat(self, complete_to: int) -> None:
        """Settle what is old enough: every start up to the second `complete_to` was told."""
        if self._windower.complete_to is not None and complete_to <= self._windower.complete_to:
            return
        self._docket.add(self._windower.advance(complete_to))
        self._look_for_breakage()
        if self._standing.exposed_at_s is None:
            return
        if self._frozen is None and self._stable is not None and self._past.is_enough:
            self._freeze_late()
        for horizon in self._horizons():
            self._settle(horizon, complete_to, self._standing.exposed_at_s)
        self._records.extend(self._docket.retire(self._horizons()))

    def weight_sent(self, at_s: float) -> None:
        """End the weight in force: from here on the odds of a second are not one number."""
        self._windower.end(math.floor(at_s) - 1)

    def weight_acked(self, at_s: float, weight_bp: int, step: int) -> None:
        """Begin a weight at the first whole second in which all gateways have it."""
        self._windower.end(math.floor(at_s) - 1)
        first_s = math.floor(at_s) + 1
        old = self._standing
        standing = replace(old, weight_bp=weight_bp, step=step)
        if step != old.step or old.exposed_at_s is None:
            standing = replace(standing, step_first_s=first_s)
            self._in_step = 0
        if weight_bp > 0 and old.exposed_at_s is None:
            standing = replace(standing, exposed_at_s=first_s)
            self._open_trials(step)
        self._standing = standing
        span = Span(
            first_s=first_s,
            last_s=None,
            weight_bp=weight_bp,
            step=step,
            step_first_s=standing.step_first_s,
        )
        self._windower.begin(span)

    def drop_open(self) -> None:
        """Forget what is not settled, for both versions: the source lost a part of it."""
        self._windower.drop()
        self._docket.drop()

    def view(self) -> Judgement:
        """Return how things stand."""
        scene = self._scene()
        gate = self._gate(scene)
        verdict = Verdict.NOT_WORSE if gate else Verdict.UNDECIDED
        return Judgement(
            verdict=Verdict.WORSE if self._found.worse is not None else verdict,
            figures=figure_views(scene),
            requests_in_step=self._in_step,
            exposed=self._exposed,
            log_e=release_evidence(scene),
            limit_broken=self._found.limit_broken,
            stable_breaks_too=self._found.stable_breaks_too,
            breakage=self._found.breakage,
            settled_to=self._docket.settled_to,
            gate=gate,
            late=self._docket.late,
        )

    def closed(self) -> tuple[WindowRecord, ...]:
        """Return the windows that were settled for every figure since this was asked last."""
        records, self._records = tuple(self._records), []
        return records

    def to_dict(self) -> State:
        """Write everything, open and unsettled seconds included."""
        standing, found = self._standing, self._found
        return {
            "stable": self._stable,
            "candidate": self._candidate,
            "past": None if self._frozen is not None else self._past.to_dict(),
            "frozen": None if self._frozen is None else self._frozen.to_dict(),
            "trials": [trial.to_dict() for trial in self._trials],
            "windower": self._windower.to_dict(),
            "docket": self._docket.to_dict(),
            "breakage": self._breakage.to_dict(),
            "weight_bp": standing.weight_bp,
            "step": standing.step,
            "step_first_s": standing.step_first_s,
            "exposed_at_s": standing.exposed_at_s,
            "worse": found.worse,
            "limit_broken": found.limit_broken,
            "stable_breaks_too": found.stable_breaks_too,
            "broken": found.breakage,
            "exposed": self._exposed,
            "in_step": self._in_step,
        }

    @classmethod
    def from_dict(cls, settings: JudgeSettings, state: State) -> "Judge":
        """Go on from a state that was written, with the settings frozen in the plan."""
        judge = cls(settings, text_or_none(state, "stable"), text(state, "candidate"))
        if state.get("past") is not None:
            judge._past = Past.from_dict(part(state, "past"))
        if state.get("frozen") is not None:
            judge._frozen = Frozen.from_dict(part(state, "frozen"))
        judge._windower = Windower.from_dict(part(state, "windower"))
        judge._docket = Docket.from_dict(part(state, "docket"))
        judge._breakage = Breakage.from_dict(part(state, "breakage"))
        judge._standing = _standing(state)
        judge._found = _findings(state)
        judge._exposed, judge._in_step = count(state, "exposed"), count(state, "in_step")
        if judge._standing.exposed_at_s is not None:
            judge._trials = judge._new_trials(judge._standing.step)
        for trial, saved in zip(judge._trials, items(state, "trials"), strict=True):
            trial.restore(as_state(saved, "trials"))
        return judge

    def _count_exposed(self, increment: Increment) -> None:
        self._exposed += increment.started
        # The second of the acknowledgement belongs to no window, but its requests were exposed.
        if increment.second >= self._standing.step_first_s - 1:
            self._in_step += increment.started

    def _look_for_breakage(self) -> None:
        limit = self._settings.breakage_errors
        if limit is None or self._found.breakage:
            return
        broken = self._breakage.is_broken(
            limit,
            complete_to=self._windower.complete_to,
            weight_bp=self._standing.weight_bp,
        )
        if broken:
            self._found = replace(self._found, breakage=True)

    def _open_trials(self, step: int) -> None:
        if self._stable is not None and self._past.is_enough:
            self._frozen = freeze(self._settings, self._past)
        self._trials = self._new_trials(step)
        self._forget_past()

    def _freeze_late(self) -> None:
        # Requests that made the baseline are not compared with it.
        self._docket.drop()
        self._windower.drop()
        self._frozen = freeze(self._settings, self._past)
        old = {(trial.brief.name, trial.brief.role): trial.to_dict() for trial in self._trials}
        self._trials = self._new_trials(self._standing.step)
        for trial in self._trials:
            if (trial.brief.name, trial.brief.role) in old:
                trial.restore(old[trial.brief.name, trial.brief.role])
        self._forget_past()

    def _new_trials(self, step: int) -> list[Trial]:
        trials = limits(self._settings, self._frozen, step)
        if self._frozen is not None:
            trials.extend(comparisons(self._settings, self._frozen, self._past, step))
        return trials

    def _forget_past(self) -> None:
        if self._frozen is not None:
            self._past = Past()

    def _horizons(self) -> list[int]:
        return sorted({trial.brief.reading.waited_bin for trial in self._trials})

    def _settle(self, horizon: int, complete_to: int, exposed_at_s: int) -> None:
        trials = [t for t in self._trials if t.brief.reading.waited_bin == horizon]
        lag = lag_s(horizon, self.floor_ms)
        for pending in self._docket.due(horizon, complete_to, lag):
            for trial in trials:
                trial.settle(pending, exposed_at_s=exposed_at_s)
            self._find()

    def _find(self) -> None:
        scene, found = self._scene(), self._found
        if found.worse is None and release_evidence(scene) >= scene.worse_limit:
            found = replace(found, worse=worst_quantity(scene))
        broken = broken_limit(scene)
        if found.limit_broken is None and broken is not None:
            name = broken.brief.name
            found = replace(found, limit_broken=name, stable_breaks_too=stable_breaks(scene, name))
        self._found = found

    def _gate(self, scene: Scene) -> bool:
        found = self._found
        if found.worse is not None or found.limit_broken is not None or found.breakage:
            return False
        if self._stable is None:
            return True
        if self._in_step == 0:
            return False
        if scene.weight_bp == _FULL_BP:
            return True
        return self._frozen is not None and all_pass(scene)

    def _scene(self) -> Scene:
        return Scene(
            settings=self._settings,
            trials=self._trials,
            step=self._standing.step,
            weight_bp=self._standing.weight_bp,
            worse=self._found.worse,
            limit_broken=self._found.limit_broken,
        )


def _standing(state: State) -> _Standing:
    return _Standing(
        weight_bp=count(state, "weight_bp"),
        step=count(state, "step"),
        step_first_s=count(state, "step_first_s"),
        exposed_at_s=count_or_none(state, "exposed_at_s"),
    )


def _findings(state: State) -> _Findings:
    return _Findings(
        worse=text_or_none(state, "worse"),
        limit_broken=text_or_none(state, "limit_broken"),
        stable_breaks_too=flag(state, "stable_breaks_too"),
        breakage=flag(state, "broken"),
    )
