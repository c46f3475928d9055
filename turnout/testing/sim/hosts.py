"""Controller processes of a history: the product's own controller over faulty ports."""

from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from turnout.application.controller import Controller
from turnout.application.engine import Engine, Parts
from turnout.application.ports import Change, Jobs, Judges, Releases, Router, Runtime
from turnout.domain.moves import Ruling
from turnout.errors import FencedError, StaleSaveError, TurnoutError, UnavailableError
from turnout.testing.fake_store import MemoryStore
from turnout.testing.sim.faults import Fault, Faults, Kind
from turnout.testing.sim.parts import FalseJobs, FalseJudges, FalseRouter, FalseRuntime
from turnout.testing.sim.scheduler import (
    Host,
    Pause,
    Scheduler,
    VirtualBell,
    VirtualClock,
    VirtualTasks,
)
from turnout.testing.sim.world import World

_CALL_S = 0.01
_TIME_OUT_S = 5.0
_FOR_EVER_S = 1e9
_LEASE_S = 6.0
_ASK_AGAIN_S = 2.0
PACE = 4.0

Verb = Callable[..., Coroutine[object, object, object]]


@dataclass(slots=True)
class Calls:
    """Every call of every port goes through here and may meet a fault."""

    world: World
    faults: Faults
    crash: Callable[[World], None] = lambda _: None
    reboot: Callable[[Host, float], None] = lambda _host, _s: None
    count: int = 0
    met: Counter[tuple[str, str]] = field(default_factory=Counter)  # (port verb, fault)

    async def call(self, host: Host, name: str, verb: Verb, args: tuple[Any, ...]) -> Any:  # noqa: ANN401 - any verb of any port
        """Make one call, with the fault that meets it."""
        self.count += 1
        fault = self.faults.at(self.count, self.world.scheduler.now_s)
        if fault is None:
            await Pause(_CALL_S)
            return self._act(name, verb, args)
        self.met[name, str(fault.kind)] += 1
        self.world.scheduler.note(f"FAULT {fault.kind} {fault.seconds_s:.1f} {host.name} {name}")
        return await self._faulty(host, fault, name, lambda: self._act(name, verb, args))

    async def _faulty(
        self, host: Host, fault: Fault, name: str, act: Callable[[], object]
    ) -> object:
        match fault.kind:
            case Kind.ERROR | Kind.LOST_ANSWER:
                await Pause(_CALL_S)
                if fault.kind is Kind.LOST_ANSWER:
                    act()
                raise UnavailableError(f"{name}: no answer")
            case Kind.KILL_BEFORE | Kind.KILL_AFTER:
                await self._kill(host, fault, act)
            case Kind.LATE:
                later_s = self.world.scheduler.now_s + fault.seconds_s
                self.world.scheduler.at(later_s, lambda: _quietly(act))
                await Pause(_TIME_OUT_S)
                raise UnavailableError(f"{name}: no answer in time")
            case Kind.SLOW:
                await Pause(fault.seconds_s)
            case Kind.STALL | Kind.STALL_AND_CRASH:
                await self._stall(host, fault)
        return act()

    async def _kill(self, host: Host, fault: Fault, act: Callable[[], object]) -> None:
        if fault.kind is Kind.KILL_AFTER:
            _quietly(act)
        host.generation += 1
        host.stalled_until_s = 0.0
        self.world.scheduler.note(f"KILL {host.name}")
        self.reboot(host, fault.seconds_s)
        await Pause(_FOR_EVER_S)

    async def _stall(self, host: Host, fault: Fault) -> None:
        now_s = self.world.scheduler.now_s
        if fault.kind is Kind.STALL_AND_CRASH:
            self.world.scheduler.at(now_s + 3, lambda: self.crash(self.world))
        host.stalled_until_s = now_s + fault.seconds_s
        await Pause(_CALL_S)

    def _act(self, name: str, verb: Verb, args: tuple[Any, ...]) -> object:
        if self.world.is_out(name.partition(".")[0]):
            raise UnavailableError(f"{name}: away")
        return run_now(verb(*args))


def run_now(work: Coroutine[object, object, object]) -> object:
    """Run a coroutine of a false part, which never waits, to its end."""
    try:
        work.send(None)
    except StopIteration as ended:
        return ended.value
    raise RuntimeError("a false part must not wait")


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except TurnoutError:
        return


class Through:
    """A port as one process sees it."""

    def __init__(self, calls: Calls, host: Host, part: str, target: object) -> None:
        self._calls, self._host, self._part, self._target = calls, host, part, target

    def __getattr__(self, verb: str) -> Callable[..., Coroutine[object, object, object]]:
        found = getattr(self._target, verb)
        name = f"{self._part}.{verb}"

        async def call(*args: Any, **named: Any) -> object:  # noqa: ANN401 - any verb of any port
            def bound(*given: object) -> Coroutine[object, object, object]:
                return cast("Coroutine[object, object, object]", found(*given, **named))

            return cast("object", await self._calls.call(self._host, name, bound, args))

        if not callable(found):
            return cast("Callable[..., Coroutine[object, object, object]]", found)
        return call


class RouterThrough(Through):
    """A router as one process sees it: it counts in flight."""

    def in_flight(self, service: str) -> Coroutine[object, object, object]:
        """Count what is under way."""
        return self.__getattr__("in_flight")(service)


@dataclass(slots=True)
class SavesWatched:
    """The store's `Releases`, with the promises checked after each save."""

    store: MemoryStore
    world: World

    async def due(self, now_s: float) -> object:
        """List what is due."""
        return await self.store.releases.due(now_s)

    async def load(self, release_id: str) -> object:
        """Load a row."""
        return await self.store.releases.load(release_id)

    async def snooze(self, release_id: str, due_s: float) -> None:
        """Move the due time."""
        await self.store.releases.snooze(release_id, due_s)

    async def save(self, epoch: int, change: Change) -> None:
        """Save, then check."""
        old = (await self.store.releases.load(change.release.id)).release
        await self.store.releases.save(epoch, change)
        self.world.saved(old, change)
        for service in await self.store.journal.services():
            if service.active and service.active not in self.world.rows:
                self.world.learn((await self.store.releases.load(service.active)).release)


@dataclass(slots=True)
class Traced:
    """The port `Told` of a history: faults of turns stand in its trace."""

    scheduler: Scheduler
    host: Host

    def moved(self, ruling: Ruling) -> None:
        """Say nothing: saves stand in the trace already."""

    def failed(self, release_id: str, error: Exception) -> None:
        """Write the fault down; one that is not Turnout's own is a mistake in the engine."""
        if not isinstance(error, TurnoutError):
            raise error
        self.scheduler.note(f"FAILED {self.host.name} {release_id} {error}")


@dataclass(slots=True)
class Lead:
    """Who leads: a process keeps the lease as long as it lives and is not stopped for long."""

    scheduler: Scheduler
    host: Host | None = None
    generation: int = 0

    def may(self, host: Host) -> bool:
        """Tell whether a process may start a reign."""
        now = self.host
        if now is None or now is host or now.generation != self.generation:
            return True
        return now.stalled_until_s - self.scheduler.now_s > 0 and self._stalled_long(now)

    def take(self, host: Host) -> None:
        """Note the new leader."""
        self.host, self.generation = host, host.generation

    def _stalled_long(self, host: Host) -> bool:
        return host.stalled_until_s > self.scheduler.now_s + _LEASE_S


@dataclass(slots=True)
class Hosts:
    """Boots processes, and boots them again."""

    world: World
    store: MemoryStore
    calls: Calls
    lead: Lead

    def boot(self, host: Host) -> None:
        """Start a process."""
        host.born_s = self.world.scheduler.now_s
        self.world.scheduler.start(host, self._live(host))

    def reboot(self, host: Host, after_s: float) -> None:
        """Start it again after a while."""
        at_s = self.world.scheduler.now_s + after_s
        self.world.scheduler.at(at_s, lambda: self.boot(host))

    async def _live(self, host: Host) -> None:
        while True:
            if self.lead.may(host):
                try:
                    await self._reign(host)
                except (FencedError, StaleSaveError, UnavailableError):
                    self.lead.host = None if self.lead.host is host else self.lead.host
            await Pause(_ASK_AGAIN_S)

    async def _reign(self, host: Host) -> None:
        lease = Through(self.calls, host, "store", self.store.lease)
        epoch = cast("int", await lease.ensure(host.name))
        self.lead.take(host)
        self.world.scheduler.note(f"LEASE {host.name} epoch {epoch}")
        await self._controller(host, epoch).run()

    def _controller(self, host: Host, epoch: int) -> Controller:
        world = self.world
        releases = cast("Releases", self._through(host, "store", SavesWatched(self.store, world)))
        tasks, clock = VirtualTasks(world.scheduler, host), VirtualClock(world.scheduler, host)
        parts = Parts(
            releases=releases,
            runtime=cast("Runtime", self._through(host, "runtime", FalseRuntime(world))),
            router=cast("Router", RouterThrough(self.calls, host, "router", FalseRouter(world))),
            jobs=cast("Jobs", self._through(host, "jobs", FalseJobs(world))),
            judges=cast("Judges", self._through(host, "monitor", FalseJudges(world))),
            tasks=tasks,
            clock=clock,
        )
        return Controller(
            engine=Engine(parts=parts, epoch=epoch, pace=PACE),
            releases=releases,
            journal=self.store.journal,
            tasks=tasks,
            clock=clock,
            bell=VirtualBell(),
            told=Traced(world.scheduler, host),
        )

    def _through(self, host: Host, part: str, target: object) -> Through:
        return Through(self.calls, host, part, target)
