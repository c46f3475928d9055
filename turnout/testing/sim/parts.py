"""The false parts of a history: each verb acts on the world at one instant, and never waits."""

from collections.abc import Mapping
from dataclasses import dataclass

from turnout.domain.checks import Finding, Job, JobKind, JobResult, JobState
from turnout.domain.evidence import Judged
from turnout.domain.release import Release
from turnout.domain.route import Abilities, Applied, Fence, Route
from turnout.domain.version import InstanceSet, Running
from turnout.testing.sim.place import Group, Place
from turnout.testing.sim.truth import Truth
from turnout.testing.sim.world import World
from turnout.testing.world import a_judgement

_FETCH_S, _WORK_S = 3.0, 4.0
_LOOP_SHOWS_S = 8.0
_NEVER_S = 1e9
_OVER = {Truth.OVER_LIMIT, Truth.BOTH_OVER}
_LONG = {
    Truth.LONG_FETCH: JobKind.PREPARE,
    Truth.LONG_CHECK: JobKind.VERIFY,
    Truth.LONG_WARM: JobKind.WARM,
}
_WORSE_AFTER_S, _GOOD_AFTER_S = 6.0, 8.0


@dataclass(slots=True)
class FalseRuntime:
    """The port `Runtime` over the places of a world."""

    world: World

    async def claim(self, service: str, epoch: int) -> None:
        """Take a new epoch."""
        self.world.place(service).claim_runtime(epoch)

    async def ensure(
        self,
        service: str,
        wanted: Mapping[InstanceSet, int],
        fence: Fence,
        only_while: Mapping[InstanceSet, int],
    ) -> None:
        """Grow at once, then shrink under the promises."""
        place = self.world.place(service)
        place.admit(fence)
        for item, n in wanted.items():
            if n and item.name not in place.groups:
                place.groups[item.name] = Group(item)
            group = place.groups.get(item.name)
            if group is not None and n > group.wanted:
                self._grow(place, group, n)
        numbers = {item.name: n for item, n in wanted.items()}
        least = {item.name: n for item, n in only_while.items()}
        for name, group in place.groups.items():
            if group.wanted > numbers.get(name, 0):
                facts = self.world.facts(service)
                place.shrink(group, numbers.get(name, 0), least, facts)

    async def look(self, service: str) -> Mapping[str, Running]:
        """Tell what runs."""
        now_s = self.world.scheduler.now_s
        groups = self.world.place(service).groups
        return {name: group.running(now_s) for name, group in groups.items()}

    def _grow(self, place: Place, group: Group, n: int) -> None:
        world = self.world
        truth = world.truth(group.set.version.digest)
        if truth is Truth.NO_ANSWER:
            place.grow(group, n, _NEVER_S)
            return
        if truth is Truth.CRASHES:
            place.grow(group, n, _NEVER_S)
            world.scheduler.at(
                world.scheduler.now_s + _LOOP_SHOWS_S, lambda: setattr(group, "loops", True)
            )
            return
        place.grow(group, n, (2 + 6 * world.chance.random()) * world.pace)


@dataclass(slots=True)
class FalseRouter:
    """The port `Router` over the places of a world; it counts in flight."""

    world: World

    @property
    def abilities(self) -> Abilities:
        """Tell what it can."""
        return Abilities(
            live=True, loss_free=True, tester=True, in_flight=True, evidence=True, switch_p99_ms=1.0
        )

    async def claim(self, service: str, epoch: int) -> None:
        """Take a new epoch."""
        self.world.place(service).claim_router(epoch)

    async def ensure(self, route: Route, fence: Fence) -> Applied:
        """Take a route."""
        facts = self.world.facts(route.service)
        return self.world.place(route.service).ensure_route(route, fence, facts)

    async def look(self, service: str) -> Applied | None:
        """Tell what is in force."""
        return self.world.place(service).applied()

    async def in_flight(self, service: str) -> Mapping[str, int]:
        """Count what is under way."""
        place, now_s = self.world.place(service), self.world.scheduler.now_s
        return {
            name: int(bool(place.weights_bp.get(name)) or now_s < place.busy_until_s.get(name, 0.0))
            for name in place.groups
        }

    async def ensure_gone(self, service: str, fence: Fence) -> None:
        """Take the route away."""
        place = self.world.place(service)
        place.weights_bp, place.fence = {}, max(place.fence, fence)


@dataclass(slots=True)
class FalseJobs:
    """The port `Jobs`: work takes its time, and its result is the truth about the version."""

    world: World

    async def ensure(self, job: Job) -> None:
        """Start the work once for each key."""
        length_s = _FETCH_S if job.kind is JobKind.PREPARE else _WORK_S
        now_s = self.world.scheduler.now_s
        self.world.jobs.setdefault(job.key, (job, now_s + length_s * self.world.pace))

    async def look(self, key: str) -> JobResult | None:
        """Tell how the work stands."""
        if key not in self.world.jobs:
            return None
        job, ends_s = self.world.jobs[key]
        truth = self.world.truth(job.digest)
        if self.world.scheduler.now_s < ends_s or _LONG.get(truth) is job.kind:
            return JobResult(state=JobState.RUNNING)
        tampered = job.kind is JobKind.PREPARE and truth is Truth.TAMPERED
        fails = job.kind is JobKind.VERIFY and truth is Truth.FAILS
        broken = (truth is Truth.UNREACHABLE and job.kind is not JobKind.PREPARE) or (
            truth is Truth.COLD and job.kind is JobKind.WARM
        )
        lost = truth is Truth.LOST and job.kind is JobKind.PREPARE
        if tampered or fails:
            finding = Finding(code="golden", ok=False, name="levels")
            return JobResult(state=JobState.REFUSED, findings=(finding,))
        return JobResult(state=JobState.FAILED if broken or lost else JobState.PASSED)


@dataclass(slots=True)
class FalseJudges:
    """The port `Judges`: its verdict is the truth, after enough time at the present weight."""

    world: World

    async def ensure(self, release: Release, *, acked: bool) -> None:
        """Need nothing: what is shown is read from the router."""

    async def look(self, release: Release) -> Judged | None:
        """Give the verdict that the traffic so far allows."""
        world = self.world
        place, name = world.place(release.service), release.arm.set.name
        weight_bp = place.weights_bp.get(name, 0)
        shown_s = world.scheduler.now_s - place.shown_s.get(name, world.scheduler.now_s)
        truth, used = world.truth(release.candidate.digest), world.is_used
        bad = used and weight_bp > 0 and shown_s > _WORSE_AFTER_S * world.pace
        undecided = truth is Truth.UNCLEAR
        gate = used and not undecided and shown_s > _GOOD_AFTER_S * world.pace
        judgement = a_judgement(
            worse=bad and truth is Truth.BAD,
            gate=gate and weight_bp > 0,
            requests_in_step=int(shown_s * 10) if used and weight_bp else 0,
            breakage=bad and truth is Truth.BREAKS,
            limit_broken="errors" if bad and truth in _OVER else None,
            stable_breaks_too=bad and truth is Truth.BOTH_OVER,
        )
        return Judged(
            step=release.step,
            weight_bp=weight_bp,
            judgement=judgement,
            as_of_s=world.scheduler.now_s,
        )
