"""One history's world: places, truths, and the promises that only saves can break."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from turnout.application.ports import Change
from turnout.domain.checks import Job
from turnout.domain.release import (
    FINAL,
    Outcome,
    Phase,
    Release,
    stable_of,
)
from turnout.domain.route import WHOLE_BP
from turnout.domain.wanted import route_of
from turnout.testing.sim.place import Facts, Place
from turnout.testing.sim.scheduler import Scheduler, ViolationError
from turnout.testing.sim.truth import (
    OUTCOMES,
    SHOWN_BY_CHECKS,
    SHOWN_BY_COMPARISON,
    SHOWN_BY_USERS,
    Truth,
)

_SLACK_S = 1.0
_DIED = frozenset({Outcome.BREAKAGE, Outcome.CRASHED})
_PATIENT = frozenset({Outcome.TIMED_OUT, Outcome.NOT_APPROVED})


@dataclass(slots=True)
class World:
    """Everything that is true outside of the controllers, and what the saved rows say."""

    scheduler: Scheduler
    chance: random.Random
    truths: Mapping[str, Truth]
    pace: float = 1.0
    is_used: bool = True
    places: dict[str, Place] = field(default_factory=dict)
    jobs: dict[str, tuple[Job, float]] = field(default_factory=dict)
    rows: dict[str, Release] = field(default_factory=dict)
    latest: dict[str, str] = field(default_factory=dict)  # service -> id of its newest row
    said: dict[str, dict[int, Mapping[str, int]]] = field(default_factory=dict)
    proofs: set[tuple[str, int]] = field(default_factory=set)
    approvals: set[tuple[str, str]] = field(default_factory=set)
    taken: dict[tuple[str, str, str], int] = field(default_factory=dict)
    outages: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    entered_s: dict[str, float] = field(default_factory=dict)
    died: set[str] = field(default_factory=set)

    def place(self, service: str) -> Place:
        """Give the place of a service."""
        if service not in self.places:
            self.places[service] = Place(service, self.scheduler)
        return self.places[service]

    def truth(self, digest: str) -> Truth:
        """Say what a version really is."""
        return self.truths.get(digest, Truth.GOOD)

    def is_out(self, part: str) -> bool:
        """Tell whether a part is away at this instant."""
        return any(a <= self.scheduler.now_s < b for a, b in self.outages.get(part, ()))

    def newest(self, service: str) -> Release | None:
        """Give the newest row of a service."""
        return self.rows.get(self.latest.get(service, ""))

    def facts(self, service: str) -> Facts:
        """Give what the checks in a place have to know."""
        release = self.newest(service)
        if release is None:
            return Facts(
                stable=None, retiring=False, gives_up=False, replicas=1, drain_s=0.0, targets={}
            )
        stable = stable_of(release)
        return Facts(
            stable=stable.name if stable else None,
            retiring=release.phase is Phase.RETIRING,
            gives_up=release.phase is Phase.ROLLING_BACK and release.outcome in _DIED,
            replicas=release.plan.replicas,
            drain_s=release.plan.drain_s,
            targets=self.said.get(service, {}),
        )

    def learn(self, release: Release) -> None:
        """Take note of a row: what it says of the route holds for its revision."""
        self.rows[release.id] = release
        self.latest[release.service] = release.id
        self.entered_s.setdefault(release.id, self.scheduler.now_s)
        targets = route_of(release, {}, 0).targets
        weights_bp = {t.set_name: t.weight_bp for t in targets if t.weight_bp}
        said = self.said.setdefault(release.service, {})
        if said.setdefault(release.revision, weights_bp) != weights_bp:
            raise ViolationError(f"I-4 revision {release.revision} has two contents")

    def saved(self, old: Release, change: Change) -> None:
        """Check a save that has just been made."""
        new, decision = change.release, change.decision
        self.learn(new)
        code = decision.code if decision else ""
        if code:
            key = (str(old.phase), str(new.phase), code)
            self.taken[key] = self.taken.get(key, 0) + 1
            self.scheduler.note(f"SAVE {new.id} {old.phase}->{new.phase} {code} {_numbers(new)}")
        self._check_step(old, new)
        self._check_promotion(old, new)
        self._check_outcome(old, new)
        if new.phase is not old.phase:
            self.entered_s[new.id] = self.scheduler.now_s

    def _check_step(self, old: Release, new: Release) -> None:
        left = old.phase is Phase.WATCHING and new.phase in {
            Phase.SHIFTING,
            Phase.PROMOTING,
            Phase.WAITING,
        }
        if left and not new.override_by:
            shown_s = self.place(new.service).shown_s.get(new.arm.set.name)
            stayed_s = self.scheduler.now_s - (shown_s or self.scheduler.now_s)
            if stayed_s < old.hold_s - _SLACK_S:
                raise ViolationError(f"I-6 {new.id} left step {old.step} before its hold")
            self.proofs.add((new.arm.set.name, old.step))
        stepped = new.phase is Phase.SHIFTING and new.step > old.step
        asks = stepped and new.plan.steps[new.step].approval
        if asks and (new.id, new.candidate.digest) not in self.approvals:
            raise ViolationError(f"I-18 {new.id} went on without an approval of this digest")

    def _check_promotion(self, old: Release, new: Release) -> None:
        if new.phase is not Phase.BAKING or old.phase is not Phase.PROMOTING or new.override_by:
            return
        steps = range(len(new.plan.steps))
        if any((new.arm.set.name, step) not in self.proofs for step in steps):
            raise ViolationError(f"I-6 {new.id} was promoted without evidence for every step")
        truth = self.truth(new.candidate.digest)
        compared = any(s.weight_bp < WHOLE_BP for s in new.plan.steps) and not new.is_first
        shown = (
            (truth in SHOWN_BY_CHECKS and bool(new.plan.checks.golden) and not new.fast_return)
            or (truth in SHOWN_BY_COMPARISON and compared)
            or (truth in SHOWN_BY_USERS and self.is_used and not new.is_first)
            or (truth in {Truth.CRASHES, Truth.NO_ANSWER} and new.arm.set.name not in self.died)
        )
        if shown:
            raise ViolationError(f"I-6 {new.id} was promoted and is {truth}")

    def _check_outcome(self, old: Release, new: Release) -> None:
        if new.outcome is None or new.outcome is old.outcome:
            return
        allowed, truth = OUTCOMES.get(new.outcome), self.truth(new.candidate.digest)
        if allowed is not None and truth not in allowed:
            raise ViolationError(f"I-17 {new.id} is {truth} and ended as {new.outcome}")
        crashed = truth in {Truth.CRASHES, Truth.BREAKS} or new.arm.set.name in self.died
        if new.outcome in {Outcome.CRASHED, Outcome.BREAKAGE} and not crashed:
            raise ViolationError(f"I-17 {new.id} is {truth} and ended as {new.outcome}")
        if new.outcome in _PATIENT:
            took_s = self.scheduler.now_s - self.entered_s.get(new.id, 0.0)
            if took_s < _limit_s(old) / 2:
                raise ViolationError(f"I-17 {new.id} {new.outcome} after {took_s:.0f} s")

    def check_rest(self) -> None:
        """Check what has to hold when everything has ended."""
        for service, place in self.places.items():
            release = self.newest(service)
            if release is None:
                continue
            if release.phase not in FINAL:
                raise ViolationError(f"I-10 {release.id} never ended: {_numbers(release)}")
            stable = stable_of(release)
            wanted = {stable.name: WHOLE_BP} if stable else {}
            if place.weights_bp != wanted:
                text = f"{place.weights_bp}, stable is {stable.name if stable else None}"
                raise ViolationError(f"I-14 at the end {service} routes {text}")
            self._check_instances(place, stable.name if stable else None, release)

    def _check_instances(self, place: Place, stable: str | None, release: Release) -> None:
        if stable is not None:
            ready = len(place.groups[stable].ready(self.scheduler.now_s))
            if ready < release.plan.replicas:
                raise ViolationError(f"I-14 at the end {stable} has {ready} ready")
        left = [name for name, group in place.groups.items() if name != stable and group.up]
        if left:
            raise ViolationError(f"I-13 left over: {', '.join(left)}")


def _limit_s(release: Release) -> float:
    plan = release.plan
    return {
        Phase.PREPARING: plan.prepare_within_s,
        Phase.STARTING: plan.start_within_s,
        Phase.VERIFYING: plan.verify_within_s,
        Phase.WARMING: plan.warm_within_s,
        Phase.SHIFTING: plan.shift_within_s,
        Phase.WAITING: plan.approve_within_s,
        Phase.PROMOTING: plan.shift_within_s,
    }.get(release.phase, 0.0)


def _numbers(release: Release) -> str:
    return (
        f"step {release.step} weight {release.weight_bp} candidate {release.arm.n} "
        f"stable {release.stable_n} revision {release.revision} {release.outcome or ''}"
    )
