"""One turn of one release: enforce what is saved, look, decide, save (E-3).

Killed anywhere, it goes on from there: there is no recovery code.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from turnout.application.ports import (
    Change,
    Claimed,
    Clock,
    CountsInFlight,
    Jobs,
    Judges,
    Loaded,
    Releases,
    Router,
    Runtime,
    Tasks,
)
from turnout.domain.decision import decision_of
from turnout.domain.jobs import job_of
from turnout.domain.moves import MOVES, Look, Ruling, decide
from turnout.domain.release import FINAL, Phase, Release, Seen
from turnout.domain.route import Applied, Fence, Observed
from turnout.domain.version import InstanceSet, Running
from turnout.domain.wanted import instances_of, kept_while, route_of
from turnout.errors import FencedError, TurnoutError

T = TypeVar("T")

CAP_S = 6.0  # a look that took longer is thrown away; no gap counts for more
_CALL_LIMIT_S = 5.0
_TIMERS_SAVED_EVERY_S = {Phase.WATCHING: 1.0}  # every turn of a step counts after a crash
_OTHER_TIMERS_SAVED_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that the engine acts through."""

    releases: Releases
    runtime: Runtime
    router: Router
    jobs: Jobs
    judges: Judges
    tasks: Tasks
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one process remembers of a release between two turns: only timers and looks."""

    release: Release
    seen: Seen
    ended_s: float


@dataclass(slots=True)
class Engine:
    """Drives releases under one epoch. Raises FencedError when a newer one was met.

    `pace` stretches the time between two looks.
    """

    parts: Parts
    epoch: int
    pace: float = 1.0
    _claimed: set[str] = field(default_factory=set)
    _carried: dict[str, Carried] = field(default_factory=dict)
    _observed: dict[str, tuple[int, Mapping[str, Observed]]] = field(default_factory=dict)

    async def turn(self, release_id: str) -> Ruling | None:
        """Do one turn; the ruling that was saved, or None when nothing changed."""
        loaded = await self.parts.releases.load(release_id)
        release = loaded.release
        await self.claim(release.service)
        began_s = self.parts.clock.mono_s()
        old, previous, dt_s = self._timers(release, began_s)
        seen = await self.enforce(release)
        if release.phase in FINAL:
            return None
        seen = replace(await self._look(old, seen), commands=loaded.commands)
        ended_s = self.parts.clock.mono_s()
        if ended_s - began_s > CAP_S:  # too old to act on: nothing is known
            seen = Seen(commands=loaded.commands)
        ruling = decide(old, seen, previous, dt_s)
        return await self._keep(loaded, ruling, seen, ended_s)

    async def claim(self, service: str) -> None:
        """Make the epoch known to router and runtime before the first act on a service."""
        if service not in self._claimed:
            parts: tuple[Claimed, ...] = (self.parts.router, self.parts.runtime)
            for part in parts:
                await self.parts.tasks.within_s(_CALL_LIMIT_S, part.claim(service, self.epoch))
            self._claimed.add(service)

    async def enforce(self, release: Release) -> Seen:
        """Bring about what the saved row wants; tell how instances and route stand.

        The route goes first: nothing shrinks before the router has let go of it.
        """
        fence = Fence(self.epoch, release.revision)
        running = await self._attempt(self.parts.runtime.look(release.service))
        applied = await self._route(release, running, fence)
        wanted = instances_of(release)
        if applied is None:
            wanted = _at_least(wanted, running)
        if applied is not None or running is not None:
            await self._attempt(
                self.parts.runtime.ensure(release.service, wanted, fence, kept_while(release))
            )
        return _seen(release, running)

    def forget(self, release_id: str) -> None:
        """Drop what is remembered of a release; the next turn starts from the row."""
        self._carried.pop(release_id, None)

    async def _route(
        self, release: Release, running: Mapping[str, Running] | None, fence: Fence
    ) -> Applied | None:
        sequence, observed = self._observe(release.service, running)
        if observed is None:
            return None
        await self._judge(release, acked=False)
        route = route_of(release, observed, sequence)
        applied = await self._attempt(self.parts.router.ensure(route, fence))
        if applied is not None and applied.acked:
            await self._judge(release, acked=True)
            return applied
        return None

    async def _judge(self, release: Release, *, acked: bool) -> None:
        if release.phase not in FINAL:  # what has ended is judged no more
            await self._attempt(self.parts.judges.ensure(release, acked=acked))

    def _observe(
        self, service: str, running: Mapping[str, Running] | None
    ) -> tuple[int, Mapping[str, Observed] | None]:
        sequence, before = self._observed.get(service, (0, None))
        if running is None:
            return sequence, before
        now = {
            name: Observed(endpoints=found.endpoints, health_path=found.health_path)
            for name, found in sorted(running.items())
        }
        if now != before:
            sequence += 1
            self._observed[service] = (sequence, now)
        return sequence, now

    async def _look(self, release: Release, seen: Seen) -> Seen:
        looks = MOVES[release.phase].looks
        seen = replace(seen, route=await self._attempt(self.parts.router.look(release.service)))
        if Look.IN_FLIGHT in looks and isinstance(self.parts.router, CountsInFlight):
            counted = await self._attempt(self.parts.router.in_flight(release.service))
            seen = replace(seen, in_flight=counted)
        if Look.EVIDENCE in looks:
            seen = replace(seen, judged=await self._attempt(self.parts.judges.look(release)))
        job = job_of(release, seen) if Look.JOB in looks else None
        if job is not None:
            await self._attempt(self.parts.jobs.ensure(job))
            seen = replace(seen, job=await self._attempt(self.parts.jobs.look(job.key)))
        return seen

    async def _attempt(self, call: Awaitable[T]) -> T | None:
        """Give None for a part that fails: unknown, never zero. Only a fence ends the turn."""
        try:
            return await self.parts.tasks.within_s(_CALL_LIMIT_S, call)
        except FencedError:
            raise
        except TurnoutError:
            return None

    def _timers(self, release: Release, now_s: float) -> tuple[Release, Seen | None, float]:
        kept = self._carried.get(release.id)
        if kept is not None and kept.release.edition == release.edition:
            return kept.release, kept.seen, _bounded(now_s - kept.ended_s)
        # Over a restart the wall clock is all there is; at the first turn nothing has passed.
        gap_s = self.parts.clock.wall_s() - release.wall_s if release.edition else 0.0
        return release, None, _bounded(gap_s)

    async def _keep(
        self, loaded: Loaded, ruling: Ruling, seen: Seen, ended_s: float
    ) -> Ruling | None:
        old, new = loaded.release, ruling.release
        every_s = MOVES[new.phase].every_s * self.pace
        wall_s = self.parts.clock.wall_s()
        if not _is_worth_saving(old, new, loaded):
            self._carried[new.id] = Carried(release=new, seen=seen, ended_s=ended_s)
            await self.parts.releases.snooze(new.id, wall_s + every_s)
            return None
        new = _stamped(old, new, wall_s)
        decision = None
        if ruling.code:
            decision = decision_of(old, new, seen, code=ruling.code, by=ruling.by)
        at_once = new.phase is not old.phase or new.revision != old.revision
        change = Change(
            release=new,
            taken=len(loaded.commands),
            decision=decision,
            due_s=wall_s if at_once else wall_s + every_s,
        )
        await self.parts.releases.save(self.epoch, change)
        self._carried[new.id] = Carried(release=new, seen=seen, ended_s=ended_s)
        return replace(ruling, release=new)


def _seen(release: Release, running: Mapping[str, Running] | None) -> Seen:
    if running is None:
        return Seen()
    stable = release.stable
    return Seen(
        candidate=running.get(release.arm.set.name, Running()),
        stable=running.get(stable.name, Running()) if stable else None,
    )


def _at_least(
    wanted: Mapping[InstanceSet, int], running: Mapping[str, Running] | None
) -> Mapping[InstanceSet, int]:
    found = running or {}
    return {s: max(n, found[s.name].total if s.name in found else 0) for s, n in wanted.items()}


def _is_worth_saving(old: Release, new: Release, loaded: Loaded) -> bool:
    still = replace(new, spent_s=old.spent_s, evidence_s=old.evidence_s)
    if still != old or loaded.commands:
        return True
    passed_s = max(abs(new.spent_s - old.spent_s), abs(new.evidence_s - old.evidence_s))
    return passed_s >= _TIMERS_SAVED_EVERY_S.get(new.phase, _OTHER_TIMERS_SAVED_EVERY_S)


def _stamped(old: Release, new: Release, wall_s: float) -> Release:
    return replace(
        new,
        edition=old.edition + 1,
        wall_s=wall_s,
        entered_at_s=wall_s if new.phase is not old.phase else new.entered_at_s,
        revised_at_s=wall_s if new.revision != old.revision else new.revised_at_s,
    )


def _bounded(gap_s: float) -> float:
    return min(max(0.0, gap_s), CAP_S)
