"""A stage for one reign: the turns are given, and time is virtual."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from turnout.application.controller import Controller
from turnout.application.ports import Change, Loaded
from turnout.domain.moves import Ruling
from turnout.domain.release import Phase, Release, Seen
from turnout.domain.service import Service
from turnout.testing.sim.scheduler import (
    Host,
    Pause,
    Scheduler,
    VirtualBell,
    VirtualClock,
    VirtualTasks,
)
from turnout.testing.world import START_S, a_release

if TYPE_CHECKING:
    from turnout.application.engine import Engine

Answer = Ruling | Exception | float  # a float: the turn lasts so long and changes nothing
FROM_S = 40.0


@dataclass
class Rows:
    """Releases and the journal: what is due, how services stand, and faults of the store."""

    scheduler: Scheduler
    due_s: dict[str, float] = field(default_factory=dict)
    known: list[Service] = field(default_factory=list)
    faults: dict[str, list[Exception]] = field(default_factory=dict)
    snoozed: list[tuple[str, float]] = field(default_factory=list)

    async def due(self, now_s: float) -> list[str]:
        self._fail("due")
        return [name for name, at_s in self.due_s.items() if at_s <= now_s]

    async def load(self, release_id: str) -> Loaded:
        self._fail("load")
        return Loaded(release=a_release(Phase.PROMOTED, id=release_id), commands=())

    async def snooze(self, release_id: str, due_s: float) -> None:
        self._fail("snooze")
        self.snoozed.append((release_id, round(due_s - self.now_s, 3)))
        self.due_s[release_id] = due_s

    async def services(self) -> list[Service]:
        self._fail("services")
        return self.known

    async def save(self, epoch: int, change: Change) -> None:
        raise NotImplementedError

    async def releases(self, service: str | None) -> list[Release]:
        raise NotImplementedError

    async def decisions(self, release_id: str) -> list[object]:
        raise NotImplementedError

    @property
    def now_s(self) -> float:
        return START_S + self.scheduler.now_s

    def _fail(self, verb: str) -> None:
        if self.faults.get(verb):
            raise self.faults[verb].pop(0)


@dataclass
class ScriptedEngine:
    """An engine whose turns are given; a release without a script has nothing to do."""

    rows: Rows
    script: dict[str, list[Answer]] = field(default_factory=dict)
    faults: list[Exception] = field(default_factory=list)
    hangs_s: float = 0.0
    told: list[tuple[float, str]] = field(default_factory=list)

    async def turn(self, release_id: str) -> Ruling | None:
        self._tell(f"turn {release_id}")
        answer = next(iter(self.script.get(release_id, [])), None)
        if answer is None:
            self.rows.due_s.pop(release_id, None)
            return None
        self.script[release_id].pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await Pause(answer)
            self.rows.due_s.pop(release_id, None)
            self._tell(f"end {release_id}")
            return None
        if answer.release.phase is Phase.PROMOTED:
            self.rows.due_s.pop(release_id, None)
        return answer

    async def claim(self, service: str) -> None:
        self._tell(f"claim {service}")
        if self.hangs_s:
            await Pause(self.hangs_s)

    async def enforce(self, release: Release) -> Seen:
        self._tell(f"enforce {release.id}")
        if self.faults:
            raise self.faults.pop(0)
        return Seen()

    def forget(self, release_id: str) -> None:
        self._tell(f"forget {release_id}")

    def _tell(self, what: str) -> None:
        self.told.append((round(self.rows.scheduler.now_s - FROM_S, 2), what))


@dataclass
class Stage:
    """A controller over given turns, in virtual time."""

    moved_to: list[str] = field(default_factory=list)
    failed_at: list[tuple[str, str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scheduler, host = Scheduler(now_s=FROM_S), Host("A", born_s=FROM_S)
        self.rows = Rows(self.scheduler)
        self.engine = ScriptedEngine(self.rows)
        self.controller = Controller(
            engine=cast("Engine", self.engine),
            releases=self.rows,
            journal=self.rows,  # type: ignore[arg-type]  # decisions are not read here
            tasks=VirtualTasks(self.scheduler, host),
            clock=VirtualClock(self.scheduler, host),
            bell=VirtualBell(),
            told=self,
            closed=lambda release: self.closed.append(release.id),
        )
        self.scheduler.start(host, self.controller.run())

    def moved(self, ruling: Ruling) -> None:
        self.moved_to.append(f"{ruling.release.id} {ruling.release.phase}")

    def failed(self, release_id: str, error: Exception) -> None:
        self.failed_at.append((release_id, str(error)))

    def give(self, release_id: str, *answers: Answer, at_s: float = 0.0) -> None:
        self.rows.due_s[release_id] = START_S + FROM_S + at_s
        self.engine.script[release_id] = list(answers)

    def later(self, at_s: float, act: Callable[[], None]) -> None:
        self.scheduler.at(FROM_S + at_s, act)

    def until(self, end_s: float) -> list[tuple[float, str]]:
        self.scheduler.run(FROM_S + end_s, lambda: False)
        return self.engine.told

    def said(self, end_s: float) -> list[str]:
        return [what for _, what in self.until(end_s)]
