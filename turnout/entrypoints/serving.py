"""The controller process: holds the folder, reigns, answers its socket, and ends."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from typing import TypeAlias

import structlog

from turnout.application.desk import Order
from turnout.application.ports import Journal
from turnout.bootstrap import Reign, Settings, begin
from turnout.bootstrap_ending import stop_gateway
from turnout.bootstrap_folder import Folder, held
from turnout.bootstrap_gateway import GatewayKeeper
from turnout.bootstrap_loop import LoopTasks
from turnout.domain.moves import Ruling
from turnout.entrypoints.api.app import create_app
from turnout.entrypoints.api.listening import ApiServer, bind
from turnout.entrypoints.api.parts import ApiParts, News
from turnout.entrypoints.logs import configure

_IDLE_LOOK_S = 1.0
_SETTLE_LOOK_S = 0.1
_SETTLE_MORE_S = 5.0
_END_WITHIN_S = 1.0
_log = structlog.get_logger()

Work: TypeAlias = Coroutine[object, object, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a controller is run; `idle_s`: it ends after so long with nothing to do, None: never."""

    settings: Settings
    idle_s: float | None = None


class Teller:
    """Writes what happened to the log, and wakes those who watch."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._said: dict[str, str] = {}

    def moved(self, ruling: Ruling) -> None:
        """Tell a saved ruling."""
        release = ruling.release
        if ruling.code:
            _log.info(
                "release_moved",
                release=release.id,
                service=release.service,
                version=release.candidate.name,
                phase=str(release.phase),
                code=ruling.code,
                weight_bp=release.weight_bp,
                by=ruling.by,
            )
        self._said.pop(release.id, None)
        self._news.ring()

    def failed(self, release_id: str, error: Exception) -> None:
        """Tell a turn that a fault ended; the same fault again is not told again."""
        text = f"{type(error).__name__}: {error}"
        if self._said.get(release_id) != text:
            self._said[release_id] = text
            _log.warning("turn_failed", release=release_id, error=text)

    def broke(self, error: Exception) -> None:
        """Tell a fault that nobody expected."""
        _log.error("work_broke", exc_info=error)

    def gateway_started(self, pause_s: float) -> None:
        """Tell that the gateway daemon is started."""
        _log.info("gateway_starting", pause_s=pause_s)


def serve(serving: Serving) -> None:
    """Run one controller until it is told to end, or its reign is over.

    Raises:
        ServedAlreadyError: another controller holds the folder.
    """
    folder = serving.settings.folder
    folder.make()
    with held(folder):
        log = configure(folder.log)
        try:
            asyncio.run(_Process(serving).run())
        finally:
            log.close()


@dataclass(slots=True)
class _Process:
    serving: Serving
    news: News = field(default_factory=News)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def folder(self) -> Folder:
        return self.serving.settings.folder

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.over.set)
        teller = Teller(self.news)
        tasks = LoopTasks(teller.broke)
        reign = await begin(self.serving.settings, tasks, teller)
        _log.info("controller_started", pid=os.getpid(), epoch=reign.epoch)
        api = self._api(reign, tasks)
        for work in self._works(reign, api, teller):
            tasks.start(work)
        _write_people_file(self.folder)
        # What was imported lives for good; to walk it again would stall a turn by 70 ms.
        gc.collect()
        gc.freeze()
        await self.over.wait()
        self.news.end()
        api.should_exit = True
        reign.controller.stop()
        await tasks.close(_END_WITHIN_S)
        await reign.close()
        _log.info("controller_ended", pid=os.getpid())

    def _works(self, reign: Reign, api: ApiServer, teller: Teller) -> Iterator[Work]:
        yield self._until_over(reign.controller.run())
        yield self._until_over(api.serve([bind(self.folder.socket)]))
        if self.serving.settings.router == "envoy":
            keeper = GatewayKeeper(self.folder, teller.gateway_started, partial(_wake, reign))
            yield self._while_serving(keeper.keep())
        if self.serving.idle_s is not None:
            yield self._while_serving(self._end_idle(reign, api, self.serving.idle_s))

    def _api(self, reign: Reign, tasks: LoopTasks) -> ApiServer:
        parts = ApiParts(
            desk=reign.desk,
            journal=reign.store.journal,
            judges=reign.judging,
            news=self.news,
            down=partial(self._down, reign, tasks),
            stop=self.over.set,
        )
        number = version("turnout")
        owner_uid = self.folder.root.stat().st_uid
        return ApiServer(create_app(parts, owner_uid, number), number)

    async def _until_over(self, work: Work) -> None:
        # A controller without its reign or its socket is none: it ends as a whole.
        try:
            await work
        finally:
            self.over.set()

    async def _while_serving(self, work: Work) -> None:
        task = asyncio.create_task(work)
        ending = asyncio.create_task(self.over.wait())
        await asyncio.wait({task, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _down(
        self, reign: Reign, tasks: LoopTasks, order: Order, drain_s: float
    ) -> list[str]:
        ending = list(await reign.desk.settle(order))
        tasks.start(self._while_serving(self._end_settled(reign, drain_s)))
        return ending

    async def _end_settled(self, reign: Reign, drain_s: float) -> None:
        loop = asyncio.get_running_loop()
        last_s = loop.time() + drain_s + _SETTLE_MORE_S
        while loop.time() < last_s:
            if all(one.active is None for one in await reign.store.journal.services()):
                break
            await asyncio.sleep(_SETTLE_LOOK_S)
        self.over.set()

    async def _end_idle(self, reign: Reign, api: ApiServer, idle_s: float) -> None:
        loop = asyncio.get_running_loop()
        busy_s = loop.time()
        while loop.time() - busy_s < idle_s:
            await asyncio.sleep(_IDLE_LOOK_S)
            if api.connections or await _is_any_up(reign.store.journal):
                busy_s = loop.time()
        _log.info("controller_idle", idle_s=idle_s)
        self.over.set()
        await stop_gateway(self.folder, 0.0)


async def _is_any_up(journal: Journal) -> bool:
    return any(
        one.active is not None or (one.last is not None and not one.is_down)
        for one in await journal.services()
    )


async def _wake(reign: Reign) -> None:
    for service in await reign.store.journal.services():
        reign.controller.changed(service.name)


def _write_people_file(folder: Folder) -> None:
    told = {"pid": os.getpid(), "socket": str(folder.socket), "version": version("turnout")}
    draft = folder.run / f"controller.json.{os.getpid()}"
    draft.write_text(json.dumps(told) + "\n", encoding="utf-8")
    draft.replace(folder.run / "controller.json")
