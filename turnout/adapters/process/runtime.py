"""Keeps each service's set of instances as the engine wants it; finds them after a restart."""

import asyncio
from collections.abc import Mapping

import structlog

from turnout.adapters.process.fleet import Fleet
from turnout.adapters.process.log_files import forget_old, rotate
from turnout.adapters.process.remains import Remains, find_remains
from turnout.adapters.process.settings import ProcessSettings
from turnout.adapters.process.surroundings import Surroundings
from turnout.application.ports import Runtime
from turnout.domain.route import Fence
from turnout.domain.version import InstanceSet, Running
from turnout.errors import RuntimeFaultError

_log = structlog.get_logger()


class ProcessRuntime:
    """Runs instances as processes. `close` ends the watching; the instances live on."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        self._around = Surroundings(settings)
        self._fleets: dict[str, Fleet] = {}
        self._remains: dict[str, Remains] | None = None
        self._turn = asyncio.Lock()

    async def claim(self, service: str, epoch: int) -> None:
        """Make a new epoch known; FencedError when a newer one was there."""
        await self._around.fences.claim(service, epoch)
        met = self._around.fences_met.get(service, Fence(0, 0))
        self._around.fences_met[service] = max(met, Fence(epoch, 0))

    async def ensure(
        self,
        service: str,
        wanted: Mapping[InstanceSet, int],
        fence: Fence,
        only_while: Mapping[InstanceSet, int],
    ) -> None:
        """Bring about the complete set of a service's instances."""
        try:
            fleet = await self._fleet(service)
            async with fleet.turn:
                await self._around.fences.advance(service, fence)
                self._around.fences_met[service] = fence
                await fleet.converge(wanted, only_while)
        except OSError as error:
            raise RuntimeFaultError(f"the instances of {service}: {error}") from error

    async def look(self, service: str) -> Mapping[str, Running]:
        """Tell how each set of a service stands."""
        try:
            return (await self._fleet(service)).running()
        except OSError as error:
            raise RuntimeFaultError(f"the instances of {service}: {error}") from error

    async def close(self) -> None:
        """Stop watching. The instances live on, and are found by whoever comes next."""
        await self._around.close()
        for fleet in self._fleets.values():
            for instance in fleet.instances.values():
                instance.tree.let_go()

    async def _fleet(self, service: str) -> Fleet:
        """Give the instances of a service; the first time, find what an earlier one left."""
        if service not in self._fleets:
            async with self._turn:
                if service not in self._fleets:
                    self._fleets[service] = await self._adopted(service)
        return self._fleets[service]

    async def _adopted(self, service: str) -> Fleet:
        if self._remains is None:
            self._remains = dict(await asyncio.to_thread(find_remains, self._settings.folder))
        remains = self._remains.get(service, Remains())
        if remains.unreadable is not None:
            self._remains = None  # looked for anew the next time
            raise remains.unreadable
        if not self._fleets:
            self._around.tasks.start(self._keep_logs_short(), "logs")
        fleet = Fleet(self._around, service, strays=tuple(remains.strays))
        await fleet.take_over(remains.records)
        self._remains.pop(service, None)
        return fleet

    async def _keep_logs_short(self) -> None:
        while True:
            await asyncio.sleep(self._settings.logs_every_s)
            running = {s: frozenset(fleet.instances) for s, fleet in self._fleets.items()}
            try:
                await asyncio.to_thread(self._shorten, running)
            except OSError as error:
                _log.warning("logs_not_shortened", because=str(error))

    def _shorten(self, running: Mapping[str, frozenset[str]]) -> None:
        limit_bytes, kept = self._settings.log_limit_bytes, self._settings.logs_kept
        for service, instances in running.items():
            for instance in instances:
                rotate(self._settings.log_of(instance), limit_bytes=limit_bytes, kept=kept)
            forget_old(self._settings.logs, service, running=instances, kept=kept)


def build_runtime(settings: ProcessSettings) -> Runtime:
    """Make the runtime whose instances are processes of this host."""
    return ProcessRuntime(settings)
