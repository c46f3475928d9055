"""A stage for the controller: the real engine over parts in memory, one breath at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from turnout.application.controller import Controller
from turnout.application.engine import Engine, Parts
from turnout.application.ports import Change, Judges, Loaded, Releases
from turnout.domain.evidence import Judged
from turnout.domain.moves import Ruling
from turnout.domain.release import Release
from turnout.errors import StoreError
from turnout.testing.fake_jobs import MemoryJobs
from turnout.testing.fake_router import MemoryRouter
from turnout.testing.fake_runtime import MemoryRuntime
from turnout.testing.fake_store import MemoryStore
from turnout.testing.manual import ManualBell, ManualClock, ManualTasks, play
from turnout.testing.world import a_judged, a_judgement, a_request

GOOD = a_judgement(gate=True, requests_in_step=40)


@dataclass
class Told:
    """The port `Told`: it remembers."""

    moves: list[tuple[str, str]] = field(default_factory=list)
    faults: list[tuple[str, Exception]] = field(default_factory=list)

    def moved(self, ruling: Ruling) -> None:
        self.moves.append((ruling.release.id, ruling.code))

    def failed(self, release_id: str, error: Exception) -> None:
        self.faults.append((release_id, error))


@dataclass
class GoodJudges:
    """The port `Judges`: every candidate is good."""

    async def ensure(self, release: Release, *, acked: bool) -> None:
        """Need nothing."""

    async def look(self, release: Release) -> Judged | None:
        return a_judged(release, GOOD)


@dataclass
class Rows:
    """The port `Releases` over a store: loads, saves and the list of what is due may fail."""

    inside: Releases
    broken: dict[str, Exception] = field(default_factory=dict)
    stale: list[Exception] = field(default_factory=list)
    faults: list[StoreError] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    snoozed: list[tuple[str, float]] = field(default_factory=list)
    loading: Callable[[str], None] = lambda _: None

    async def due(self, now_s: float) -> Sequence[str]:
        if self.faults:
            raise self.faults.pop()
        return await self.inside.due(now_s)

    async def load(self, release_id: str) -> Loaded:
        self.loads.append(release_id)
        self.loading(release_id)
        if release_id in self.broken:
            raise self.broken[release_id]
        return await self.inside.load(release_id)

    async def save(self, epoch: int, change: Change) -> None:
        if self.stale:
            raise self.stale.pop()
        await self.inside.save(epoch, change)

    async def snooze(self, release_id: str, due_s: float) -> None:
        self.snoozed.append((release_id, due_s))
        await self.inside.snooze(release_id, due_s)


@dataclass
class Router(MemoryRouter):
    """A router in memory that counts the claims it was asked for."""

    claims: int = 0

    async def claim(self, service: str, epoch: int) -> None:
        self.claims += 1
        await MemoryRouter.claim(self, service, epoch)


class Stage:
    """One reign over services in memory."""

    def __init__(self, judges: Judges | None = None) -> None:
        self.clock = ManualClock()
        self.tasks = ManualTasks(self.clock)
        self.store = MemoryStore(self.clock.wall_s)
        self.epoch = play(self.clock, self.store.lease.ensure("here"))
        self.rows = Rows(self.store.releases)
        self.effects: list[str] = []
        self.runtime = MemoryRuntime(trap=self.effects.append)
        self.router = Router()
        self.told = Told()
        self.closed: list[Release] = []
        self.bell = ManualBell(self.clock, waits=self._breathe)
        self.left = 0
        self.judges = judges or GoodJudges()
        self.controller = self.restarted()

    def restarted(self) -> Controller:
        """Begin anew with what was saved, under the same reign."""
        parts = Parts(
            releases=self.rows,
            runtime=self.runtime,
            router=self.router,
            jobs=MemoryJobs(),
            judges=self.judges,
            tasks=self.tasks,
            clock=self.clock,
        )
        self.controller = Controller(
            engine=Engine(parts, self.epoch),
            releases=self.rows,
            journal=self.store.journal,
            tasks=self.tasks,
            clock=self.clock,
            bell=self.bell,
            told=self.told,
            closed=self.closed.append,
        )
        return self.controller

    def _breathe(self) -> None:
        self.tasks.play_started()
        self.left -= 1
        if self.left <= 0:
            self.controller.is_over = True

    def ask(self, service: str = "shop", version: str = "v1") -> str:
        """Ask for a release; its id."""
        request = a_request(version, key=f"{service}-{version}", service=service)
        asked = play(self.clock, self.store.requests.add(replace(request, at_s=1.0)))
        return asked.release.id if asked.release else ""

    def breathe(self, n: int) -> None:
        """Let the controller go round n times."""
        self.left, self.controller.is_over = n, False
        play(self.clock, self.controller.run())

    def settled(self, *services: str) -> "Stage":
        """Carry first releases to their end."""
        for service in services:
            self.ask(service)
        self.breathe(200)
        self.effects.clear()
        self.rows.loads.clear()
        return self

    def codes(self, release_id: str) -> list[str]:
        return [code for moved, code in self.told.moves if moved == release_id and code]
