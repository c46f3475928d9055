"""Names become adapters, adapters become one controller's reign; the only module that knows all."""

import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, cast, runtime_checkable

from turnout.adapters.envoy import EnvoySettings, build_observer
from turnout.adapters.files import ArtifactSettings, build_artifacts
from turnout.adapters.jobs import JobSettings, build_jobs
from turnout.adapters.process import ProcessSettings
from turnout.adapters.sqlite.store import open_store
from turnout.application.controller import Controller
from turnout.application.desk import Desk, Order
from turnout.application.engine import Engine, Parts
from turnout.application.judging import Judging
from turnout.application.ports import Jobs, Observer, Router, Runtime, Tasks, Told
from turnout.application.store import Store
from turnout.bootstrap_folder import Folder
from turnout.bootstrap_loop import LoopBell, LoopTasks, SystemClock
from turnout.domain.decision import Decision
from turnout.domain.release import Release
from turnout.errors import UnknownPartError
from turnout.gateway.folder import socket_of

ROUTERS, RUNTIMES = "turnout.routers", "turnout.runtimes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one controller is built from; routers and runtimes by the names of entry points."""

    folder: Folder
    router: str = "envoy"
    runtime: str = "process"
    environment: str = "local"


@dataclass(slots=True)
class Relay:
    """Passes on what a part tells before its listener exists."""

    listener: Callable[[str], None] | None = None

    def __call__(self, name: str) -> None:
        """Pass a name on; while nobody listens it is forgotten."""
        if self.listener is not None:
            self.listener(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reign:
    """Everything of one controller."""

    epoch: int
    store: Store
    runtime: Runtime
    jobs: Jobs
    judging: Judging
    controller: Controller
    desk: Desk

    async def close(self) -> None:
        """Let go of everything that runs on without this controller, and close the store."""
        for part in (self.runtime, self.jobs):
            if isinstance(part, Closes):
                done = part.close()
                if done is not None:
                    await done
        self.store.close()


@runtime_checkable
class Closes(Protocol):
    """Ability of some parts: letting go of what they hold."""

    def close(self) -> Awaitable[None] | None:
        """Let go; what runs goes on."""
        ...


async def begin(settings: Settings, tasks: Tasks, told: Told) -> Reign:
    """Open the store, begin a reign and put all parts together."""
    clock, changed, rung = SystemClock(), Relay(), Relay()
    store = open_store(settings.folder.database, now_s=clock.wall_s)
    epoch = await store.lease.ensure(f"{socket.gethostname()}:{os.getpid()}")
    judging = Judging(
        observer=build_observer_of(settings),
        store=store.evidence,
        tasks=tasks,
        clock=clock,
        epoch=epoch,
        rung=rung,
    )
    parts = Parts(
        releases=store.releases,
        runtime=build_runtime(settings, changed),
        router=build_router(settings),
        jobs=build_jobs(JobSettings(folder=settings.folder.root)),
        judges=judging,
        tasks=tasks,
        clock=clock,
    )
    controller = _controller(Engine(parts, epoch), store, judging, told)
    changed.listener, rung.listener = controller.changed, controller.wake
    return Reign(
        epoch=epoch,
        store=store,
        runtime=parts.runtime,
        jobs=parts.jobs,
        judging=judging,
        controller=controller,
        desk=_desk(settings.folder, store, tasks, controller),
    )


def _controller(engine: Engine, store: Store, judging: Judging, told: Told) -> Controller:
    tasks = engine.parts.tasks

    def closed(release: Release) -> None:
        tasks.start(judging.close(release.id))

    return Controller(
        engine=engine,
        releases=store.releases,
        journal=store.journal,
        tasks=tasks,
        clock=engine.parts.clock,
        bell=LoopBell(),
        told=told,
        closed=closed,
    )


def _desk(folder: Folder, store: Store, tasks: Tasks, controller: Controller | None) -> Desk:
    return Desk(
        requests=store.requests,
        journal=store.journal,
        artifacts=build_artifacts(ArtifactSettings(folder.root)),
        tasks=tasks,
        clock=SystemClock(),
        woken=controller.wake if controller else Relay(),
        changed=controller.changed if controller else Relay(),
    )


async def settle_alone(folder: Folder, order: Order) -> Sequence[str]:
    """Stop all services of a folder whose controller is dead; whoever comes next obeys.

    Gives the releases under way: they go back once a controller runs again.
    """
    desk, store = _desk_alone(folder)
    try:
        return await desk.settle(order)
    finally:
        store.close()


async def recorded(folder: Folder, name: str) -> tuple[Release, Sequence[Decision]]:
    """Read a release and its decisions without a controller, by its id or its service's name."""
    desk, store = _desk_alone(folder)
    try:
        release = await desk.release_named(name)
        return release, await store.journal.decisions(release.id)
    finally:
        store.close()


def _desk_alone(folder: Folder) -> tuple[Desk, Store]:
    store = open_store(folder.database, now_s=SystemClock().wall_s)
    return _desk(folder, store, LoopTasks(lambda _: None), None), store


def build_router(settings: Settings) -> Router:
    """Make the router of a name."""
    return cast("Router", _builder(ROUTERS, settings.router)(_router_settings(settings)))


def build_runtime(settings: Settings, changed: Callable[[str], None]) -> Runtime:
    """Make the runtime of a name; it calls `changed` when something of a service changed."""
    made = _builder(RUNTIMES, settings.runtime)(_runtime_settings(settings, changed))
    return cast("Runtime", made)


def build_observer_of(settings: Settings) -> Observer:
    """Make whoever tells the evidence of a router."""
    return build_observer(_envoy(settings))


class Builder(Protocol):
    """Makes a part from its settings."""

    def __call__(self, settings: object) -> object:
        """Make the part."""
        ...


def _builder(group: str, name: str) -> Builder:
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        kind = group.rpartition(".")[2].removesuffix("s")
        raise UnknownPartError(f"no {kind} is named `{name}`; known: {', '.join(sorted(found))}")
    return cast("Builder", found[name].load())


def _router_settings(settings: Settings) -> object:
    if settings.router == "envoy":
        return _envoy(settings)
    return _texts(settings)


def _runtime_settings(settings: Settings, changed: Callable[[str], None]) -> object:
    if settings.runtime == "process":
        return ProcessSettings(
            folder=settings.folder.root.absolute(),
            environment=settings.environment,
            on_change=changed,
        )
    return _texts(settings)


def _texts(settings: Settings) -> Mapping[str, str]:
    # What a part outside of this package is told.
    return {"folder": str(settings.folder.root), "environment": settings.environment}


def _envoy(settings: Settings) -> EnvoySettings:
    return EnvoySettings(sockets=(socket_of(settings.folder.gateway),))
