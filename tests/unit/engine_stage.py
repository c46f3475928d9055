"""A stage for one release: an engine on parts in memory, and all that it asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from turnout.application.engine import Engine, Parts
from turnout.application.ports import Change, Loaded
from turnout.domain.evidence import Judged
from turnout.domain.moves import Ruling
from turnout.domain.release import Command, Release
from turnout.domain.route import Applied, Fence, Route
from turnout.domain.version import InstanceSet, Running
from turnout.errors import StaleSaveError, TurnoutError
from turnout.testing.fake_jobs import MemoryJobs
from turnout.testing.fake_router import MemoryRouter
from turnout.testing.fake_runtime import MemoryRuntime
from turnout.testing.manual import ManualClock, ManualTasks, Wait, play
from turnout.testing.world import a_judged, a_judgement

EPOCH = 3
CLEAR = a_judgement(requests_in_step=40)


@dataclass
class Rows:
    """The port `Releases` for one row; it notes what is asked of it."""

    row: Release
    commands: tuple[Command, ...] = ()
    saves: list[Change] = field(default_factory=list)
    snoozed: list[float] = field(default_factory=list)

    async def due(self, now_s: float) -> tuple[str, ...]:
        del now_s
        return (self.row.id,)

    async def load(self, release_id: str) -> Loaded:
        assert release_id == self.row.id
        return Loaded(release=self.row, commands=self.commands)

    async def save(self, epoch: int, change: Change) -> None:
        assert epoch == EPOCH
        if change.release.edition != self.row.edition + 1:
            raise StaleSaveError("the row moved on")
        self.row, self.commands = change.release, self.commands[change.taken :]
        self.saves.append(change)

    async def snooze(self, release_id: str, due_s: float) -> None:
        del release_id
        self.snoozed.append(due_s)


@dataclass
class Judges:
    """The port `Judges`: it gives one judgement, or none while it is blind."""

    clock: ManualClock
    told: list[bool] = field(default_factory=list)
    blind: bool = False
    takes_s: float = 0.0
    error: TurnoutError | None = None

    async def ensure(self, release: Release, *, acked: bool) -> None:
        del release
        self.told.append(acked)

    async def look(self, release: Release) -> Judged | None:
        if self.takes_s:
            await Wait(self.takes_s)
        if self.error is not None:
            raise self.error
        return None if self.blind else a_judged(release, CLEAR)


@dataclass
class Runtime(MemoryRuntime):
    """A runtime in memory that keeps what it was asked for."""

    asked: list[Mapping[str, int]] = field(default_factory=list)
    takes_s: float = 0.0

    async def look(self, service: str) -> Mapping[str, Running]:
        if self.takes_s:
            await Wait(self.takes_s)
        return await MemoryRuntime.look(self, service)

    async def ensure(
        self,
        service: str,
        wanted: Mapping[InstanceSet, int],
        fence: Fence,
        only_while: Mapping[InstanceSet, int],
    ) -> None:
        self.asked.append({of.name: n for of, n in wanted.items()})
        await MemoryRuntime.ensure(self, service, wanted, fence, only_while)


@dataclass
class Router(MemoryRouter):
    """A router in memory that keeps the routes it was given."""

    routes: list[Route] = field(default_factory=list)

    async def ensure(self, route: Route, fence: Fence) -> Applied:
        self.routes.append(route)
        return await MemoryRouter.ensure(self, route, fence)


class Stage:
    """An engine on parts in memory, with every effect in the order in which it came."""

    def __init__(self, row: Release) -> None:
        self.effects: list[str] = []
        self.clock = ManualClock()
        self.rows = Rows(row)
        self.runtime = Runtime(trap=self.effects.append)
        self.router = Router(trap=self.effects.append)
        self.jobs = MemoryJobs(trap=self.effects.append)
        self.judges = Judges(self.clock)
        self.engine = self.restarted()

    def restarted(self) -> Engine:
        parts = Parts(
            releases=self.rows,
            runtime=self.runtime,
            router=self.router,
            jobs=self.jobs,
            judges=self.judges,
            tasks=ManualTasks(self.clock),
            clock=self.clock,
        )
        self.engine = Engine(parts, EPOCH)
        return self.engine

    def turn(self, passed_s: float = 0.0) -> Ruling | None:
        self.clock.go_on(passed_s)
        return play(self.clock, self.engine.turn(self.rows.row.id))

    def put(self, row: Release) -> None:
        self.rows.row = replace(row, edition=self.rows.row.edition + 1)

    def turns(self, n: int, every_s: float = 1.0) -> None:
        for _ in range(n):
            self.turn(every_s)
