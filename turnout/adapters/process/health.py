"""When an instance counts as ready: several passes in a row, given by the right process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from turnout.adapters.process.completion import complete
from turnout.adapters.process.probe import NOBODY, TCP, find_path, probe
from turnout.adapters.process.surroundings import Surroundings
from turnout.children import listener_of
from turnout.domain.version import Ready

FAILS = 3  # in a row, until an instance that was ready is not
_ROUNDS_WITHOUT_PATH = 3
_SOON_S, _SOON_FOR_S = 0.1, 10.0


class PortTakenError(Exception):
    """Somebody else answers on the instance's port."""


@dataclass(slots=True)
class Health:
    """Counts the probes of one start of an instance; `members` lists its processes.

    `is_ready` may be given where an earlier controller saw it get ready.
    """

    around: Surroundings
    service: str
    port: int
    ready: Ready
    members: Callable[[], list[int]]
    is_ready: bool = False
    why: str = "it was not asked yet"
    passes: int = 0
    fails: int = 0
    was_ready: bool = field(init=False)
    _without_path: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.was_ready = self.is_ready

    @property
    def path(self) -> str | None:
        """Give the path of the health check: declared, or found at the service's first start."""
        return self.ready.http or self.around.paths.of(self.service)

    async def watch(self, changed: Callable[[], None]) -> None:
        """Probe for ever; raises PortTakenError when the port turns out to be another's."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while True:
            before = self.is_ready
            await self.once()
            if self.is_ready is not before:
                changed()
            soon = not self.passes and not self.is_ready and loop.time() - began_s < _SOON_FOR_S
            await asyncio.sleep(min(_SOON_S, self.ready.every_s) if soon else self.ready.every_s)

    async def once(self) -> None:
        """Probe one time and count it."""
        self._count(await self._ask())
        if self.passes >= self.ready.passes and not self.is_ready:
            self.is_ready = await self._is_its_own()
            self.was_ready = self.was_ready or self.is_ready
        elif self._may_be_a_stranger():
            await self._is_its_own()

    async def answers(self) -> bool:
        """Ask whether it is well now, without counting it."""
        return not await probe(self.port, self.path or TCP, self.ready.timeout_s)

    def _count(self, why: str) -> None:
        if not why:
            self.passes, self.fails = self.passes + 1, 0
            return
        self.passes, self.fails, self.why = 0, self.fails + 1, why
        if self.fails >= FAILS:
            self.is_ready = False

    async def _ask(self) -> str:
        path = self.path
        if path is None:
            path, why = await self._find()
            if path is None:
                return why
        why = await probe(self.port, path, self.ready.timeout_s)
        if not why and not self.is_ready and self.ready.completion is not None:
            return await complete(self.around.client, self.port, self.ready.completion)
        return why

    async def _find(self) -> tuple[str | None, str]:
        path, why = await find_path(self.port, self.ready.timeout_s)
        if path == TCP:
            self._without_path += 1
            if self._without_path < _ROUNDS_WITHOUT_PATH:
                return None, "it answers, and no path tells its health yet"
        if path is not None and await self._is_its_own():
            self.around.paths.keep(self.service, path)
        return path, why

    def _may_be_a_stranger(self) -> bool:
        tries = self.fails and not self.fails % FAILS
        return bool(tries) and not self.was_ready and not self.why.startswith(NOBODY)

    async def _is_its_own(self) -> bool:
        owners, mine = await asyncio.to_thread(_both, self.port, self.members)
        strangers = owners - mine
        if strangers:
            raise PortTakenError(f"port {self.port} is held by process {min(strangers)}")
        if not owners and not self.fails:
            self.why = f"the process that listens on port {self.port} does not show itself"
        return bool(owners)


def _both(port: int, members: Callable[[], list[int]]) -> tuple[set[int], set[int]]:
    # Listeners first: a process that forks in between is then in the second list at least.
    owners = set(listener_of(port))
    return owners, set(members()) if owners else set()
