"""What the engine needs from the world. Every verb may be repeated without harm."""

from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from turnout.domain.checks import ArtifactRules, Job, JobResult
from turnout.domain.decision import Decision
from turnout.domain.evidence import Judged
from turnout.domain.moves import Ruling
from turnout.domain.release import Command, Release
from turnout.domain.route import Abilities, Applied, Fence, Route
from turnout.domain.service import Request, Service
from turnout.domain.version import InstanceSet, Running
from turnout.statistics.increment import Increment

T = TypeVar("T")


# --- time


class Clock(Protocol):
    """The two clocks: `mono_s` never jumps and starts anywhere, `wall_s` is epoch seconds."""

    def mono_s(self) -> float: ...

    def wall_s(self) -> float: ...


class Tasks(Protocol):
    """Waiting and running side by side.

    `start` runs work in the background; `pause_s` waits; `within_s` gives work a time limit and
    raises UnavailableError when it is over.
    """

    def start(self, work: Coroutine[object, object, None]) -> None: ...

    async def pause_s(self, seconds_s: float) -> None: ...

    async def within_s(self, limit_s: float, work: Awaitable[T]) -> T: ...


class Bell(Protocol):
    """Waiting that news cut short.

    `ring` ends the present or the next wait. `wait_s` returns after the time, or when rung.
    """

    def ring(self) -> None: ...

    async def wait_s(self, limit_s: float) -> None: ...


class Told(Protocol):
    """Who hears of what the controller did: the log, and whoever watches.

    `moved` tells a saved ruling, `failed` a turn that a fault ended.
    """

    def moved(self, ruling: Ruling) -> None: ...

    def failed(self, release_id: str, error: Exception) -> None: ...


# --- the world


class Claimed(Protocol):
    """A part that obeys fences.

    `claim` makes a new epoch known before its first act on a service; FencedError when a newer
    one was there.
    """

    async def claim(self, service: str, epoch: int) -> None: ...


class Runtime(Claimed, Protocol):
    """Runs instances.

    `ensure` brings about the complete set of a service's instances: what is not named goes. It
    returns when that is under way. `only_while` names ready counts without which nothing shrinks:
    then ShrinkRefusedError, and what grows has grown. FencedError for an older fence.
    `look` maps names of sets to what runs; a set without an instance may be missing.
    """

    async def ensure(
        self,
        service: str,
        wanted: Mapping[InstanceSet, int],
        fence: Fence,
        only_while: Mapping[InstanceSet, int],
    ) -> None: ...

    async def look(self, service: str) -> Mapping[str, Running]: ...


class Router(Claimed, Protocol):
    """Splits the traffic of a service.

    `ensure` takes the whole route, and returns once it is in force at every living gateway.
    Raises StaleRouteError (older fence, or the same with another content), RouteRefusedError,
    GatewayUnreachableError, NotReadyError. Newer `observed` of a newer `sequence` is taken at an
    equal revision. `look` gives what is in force, from the router itself, None without a route.
    `ensure_gone` takes the route away.
    """

    @property
    def abilities(self) -> Abilities: ...

    async def ensure(self, route: Route, fence: Fence) -> Applied: ...

    async def look(self, service: str) -> Applied | None: ...

    async def ensure_gone(self, service: str, fence: Fence) -> None: ...


@runtime_checkable
class CountsInFlight(Protocol):
    """Ability of some routers: requests and streams now open, by name of set, ≤ 1 s old."""

    async def in_flight(self, service: str) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """News of the evidence: increments, and up to which second every start is known.

    `cursor` is where reading goes on after them. `complete_to` is None between heartbeats.
    """

    cursor: str
    increments: tuple[Increment, ...] = ()
    complete_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A service whose requests are told one second at a time; both figures frozen (D-43)."""

    floor_ms: float
    deadline_s: float


class Observer(Protocol):
    """Yields evidence.

    `ensure` says which services are told in detail. `watch` goes on after a cursor, at least
    once each; it ends when the source is away (ask again), and raises LookupError when the
    cursor is too old. `past` gives what is kept of the last seconds of one service.
    """

    async def ensure(self, watched: Mapping[str, Watched]) -> None: ...

    def watch(self, after: str | None) -> AsyncIterator[Batch]: ...

    async def past(self, service: str, last_s: float) -> Sequence[Batch]: ...


class Judges(Protocol):
    """Weighs the evidence of releases under way.

    `ensure` keeps a judge for the release and tells it the weight that is about to be in force
    (`acked_at_s` None) or is. `look` gives its answer, None when it is blind.
    """

    async def ensure(self, release: Release, *, acked: bool) -> None: ...

    async def look(self, release: Release) -> Judged | None: ...


class Jobs(Protocol):
    """Long work in child processes.

    `ensure` starts the job unless it runs or has a result. `look` gives its state, None when it
    was never asked for.
    """

    async def ensure(self, job: Job) -> None: ...

    async def look(self, key: str) -> JobResult | None: ...


class Artifacts(Protocol):
    """Where artifacts come from.

    `look` gives the digest of what a source holds now; ArtifactError when there is nothing.
    """

    async def look(self, rules: ArtifactRules) -> str: ...


# --- the store


class Lease(Protocol):
    """The right to act: `ensure` starts a new reign and gives its epoch."""

    async def ensure(self, holder: str) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A release as last saved, with the open commands of people, oldest first."""

    release: Release
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One guarded save: the new row, how many commands it used up, and what is told of it.

    The row's `edition` must be one more than the stored one, or StaleSaveError. A final row frees
    the service, sets quarantine, and starts the newest queued request in the same transaction.
    """

    release: Release
    taken: int = 0
    decision: Decision | None = None
    due_s: float = 0.0


class Releases(Protocol):
    """Releases under way.

    `due` lists ids to look at (due, or due more than 120 s ahead after a jump of the clock).
    `save` writes row, service, commands, decision and audit in one transaction, guarded by
    edition and epoch: StaleSaveError. `snooze` moves the due time and nothing else.
    """

    async def due(self, now_s: float) -> Sequence[str]: ...

    async def load(self, release_id: str) -> Loaded: ...

    async def save(self, epoch: int, change: Change) -> None: ...

    async def snooze(self, release_id: str, due_s: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What became of a request: the release it started, or why not yet.

    `state` is started, queued, nothing_to_do; `queued_behind` names the release in the way.
    """

    state: str
    release: Release | None = None
    queued_behind: str | None = None


class Requests(Protocol):
    """Wishes of people and triggers, each in one transaction, repeated without harm by key.

    `add` raises ActiveReleaseError or QuarantinedError. `command` is kept for a release under
    way, else RefusedError. `put_service` declares a service; `set_down` stops or resumes it.
    """

    async def add(self, request: Request) -> Asked: ...

    async def command(self, release_id: str, command: Command, key: str) -> None: ...

    async def put_service(self, service: Service) -> Service: ...

    async def set_down(self, service: str, *, is_down: bool, by: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceState:
    """A judge at rest: its state as JSON, the cursor it stands at, windows closed since."""

    body: str
    cursor: str | None
    windows: tuple[str, ...] = ()


class EvidenceStore(Protocol):
    """Judges at rest: state, cursor and windows are written in one transaction."""

    async def save(self, epoch: int, release_id: str, state: EvidenceState) -> None: ...

    async def load(self, release_id: str) -> EvidenceState | None: ...


class Journal(Protocol):
    """Reading what happened; never changes anything."""

    async def services(self) -> Sequence[Service]: ...

    async def releases(self, service: str | None) -> Sequence[Release]: ...

    async def decisions(self, release_id: str) -> Sequence[Decision]: ...
