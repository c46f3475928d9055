"""A whole controller in memory behind a real socket, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from turnout.application.controller import Controller
from turnout.application.desk import Desk, Order
from turnout.application.engine import Engine, Parts
from turnout.bootstrap_folder import Folder
from turnout.bootstrap_loop import LoopBell, LoopTasks, SystemClock
from turnout.domain.checks import ArtifactRules
from turnout.domain.evidence import Judged
from turnout.domain.moves import Ruling
from turnout.domain.release import Release
from turnout.entrypoints.api.app import create_app
from turnout.entrypoints.api.listening import ApiServer, bind
from turnout.entrypoints.api.parts import ApiParts, News
from turnout.entrypoints.cli.calls import Socket
from turnout.entrypoints.cli.ending import exit_code_of
from turnout.entrypoints.cli.main import program
from turnout.errors import TurnoutError
from turnout.testing.fake_jobs import MemoryJobs
from turnout.testing.fake_router import MemoryRouter
from turnout.testing.fake_runtime import MemoryRuntime
from turnout.testing.fake_store import MemoryStore
from turnout.testing.world import a_judgement

FILE = """\
turnout: 1
services:
  shop:
    run: serve --port $port --version $version
    route: 8000
    shift: {steps: [{weight: 50%, hold: 100ms}, {weight: 100%, hold: 100ms}]}
    retire: {drain: 1s}
"""


@dataclass(slots=True)
class ToldJudges:
    """Judges as they are told: `gate` lets every step pass, `worse` rolls back."""

    gate: bool = True
    worse: bool = False
    acked: dict[str, tuple[int, int]] = field(default_factory=dict)

    async def ensure(self, release: Release, *, acked: bool) -> None:
        """Take note of what is in force."""
        if acked:
            self.acked[release.id] = (release.step, release.weight_bp)

    async def look(self, release: Release) -> Judged | None:
        """Answer as told."""
        step, weight_bp = self.acked.get(release.id, (0, 0))
        judgement = a_judgement(gate=self.gate, worse=self.worse, requests_in_step=100)
        return Judged(step=step, weight_bp=weight_bp, judgement=judgement, as_of_s=0.0)


@dataclass(slots=True)
class NoArtifacts:
    """Every source holds the same."""

    async def look(self, rules: ArtifactRules) -> str:
        """Give a digest."""
        return f"sha256:{Path(rules.source).name}"


@dataclass(slots=True)
class Stage:
    """A controller that runs; tests call it over its socket, or through the program."""

    folder: Folder
    store: MemoryStore = field(default_factory=lambda: MemoryStore(SystemClock().wall_s))
    judges: ToldJudges = field(default_factory=ToldJudges)
    runtime: MemoryRuntime = field(default_factory=MemoryRuntime)
    router: MemoryRouter = field(default_factory=MemoryRouter)
    downs: list[tuple[str, float]] = field(default_factory=list)
    stops: list[bool] = field(default_factory=list)
    owner_uid: int = -1
    faults: list[Exception] = field(default_factory=list)
    news: News = field(default_factory=News)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _began: threading.Event = field(default_factory=threading.Event)

    @property
    def socket(self) -> Socket:
        """Give the controller as the program sees it."""
        return Socket(self.folder.socket)

    @property
    def file(self) -> Path:
        """Name the release file."""
        return self.folder.root.parent / "turnout.yaml"

    def moved(self, ruling: Ruling) -> None:
        """Hear of a ruling."""
        del ruling
        self.news.ring()

    def failed(self, release_id: str, error: Exception) -> None:
        """Hear of a fault."""
        del release_id
        self.faults.append(error)

    async def down(self, order: Order, drain_s: float) -> list[str]:
        """Note that everything was to end."""
        self.downs.append((order.by, drain_s))
        return []

    def call(self, work: Coroutine[object, object, object]) -> object:
        """Run something on the controller's loop."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    def run(self) -> None:
        """Be the controller until told to end."""
        asyncio.run(self._serve())

    def end(self) -> None:
        """Tell the controller to end."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._over.set)

    def begin(self) -> None:
        """Wait until it answers."""
        assert self._began.wait(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        tasks = LoopTasks(self.faults.append)
        controller = await self._controller(tasks)
        desk = Desk(
            requests=self.store.requests,
            journal=self.store.journal,
            artifacts=NoArtifacts(),
            tasks=tasks,
            clock=SystemClock(),
            woken=controller.wake,
            changed=controller.changed,
        )
        parts = ApiParts(
            desk=desk,
            journal=self.store.journal,
            judges=self.judges,
            news=self.news,
            down=self.down,
            stop=lambda: self.stops.append(True),
        )
        uid = self.folder.root.stat().st_uid if self.owner_uid < 0 else self.owner_uid
        server = ApiServer(create_app(parts, uid, "0.1.0"), "0.1.0")
        tasks.start(controller.run())
        tasks.start(server.serve([bind(self.folder.socket)]))
        while not server.started:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        self._began.set()
        await self._over.wait()
        self.news.end()
        controller.stop()
        server.should_exit = True
        await tasks.close(2.0)

    async def _controller(self, tasks: LoopTasks) -> Controller:
        epoch = await self.store.lease.ensure("stage")
        parts = Parts(
            releases=self.store.releases,
            runtime=self.runtime,
            router=self.router,
            jobs=MemoryJobs(),
            judges=self.judges,
            tasks=tasks,
            clock=SystemClock(),
        )
        return Controller(
            engine=Engine(parts, epoch, pace=0.1),
            releases=self.store.releases,
            journal=self.store.journal,
            tasks=tasks,
            clock=SystemClock(),
            bell=LoopBell(),
            told=self,
        )


@contextmanager
def a_stage(root: Path, prepare: Callable[[Stage], None] = lambda _: None) -> Iterator[Stage]:
    """Run a controller in memory for a folder with a release file."""
    (root / "turnout.yaml").write_text(FILE, encoding="utf-8")
    folder = Folder(root / ".turnout")
    folder.make()
    stage = Stage(folder)
    prepare(stage)
    thread = threading.Thread(target=stage.run)
    thread.start()
    try:
        stage.begin()
        yield stage
    finally:
        stage.end()
        thread.join(10)
        assert not thread.is_alive()


def run_program(*arguments: str) -> Result:
    """Run the program in this process; its exit code is the one of the table."""
    done = CliRunner().invoke(program, arguments, standalone_mode=False)
    if done.exception is not None:
        done.exit_code = exit_code_of(done.exception)
    elif isinstance(done.return_value, int):
        done.exit_code = done.return_value
    return done


def text_of(error: BaseException | None) -> str:
    """Give the sentence of an error."""
    assert isinstance(error, TurnoutError), error
    return str(error)
