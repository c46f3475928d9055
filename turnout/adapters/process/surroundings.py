"""What all instances of one runtime share."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from turnout.adapters.process.environment import captured
from turnout.adapters.process.fences import Fences
from turnout.adapters.process.free_port import free_port
from turnout.adapters.process.owned import Owned
from turnout.adapters.process.probe import KnownPaths
from turnout.adapters.process.settings import ProcessSettings
from turnout.children import mark_of
from turnout.domain.route import Fence


@dataclass(slots=True)
class Surroundings:
    """Settings, fences, promised ports, and the tasks that watch over instances.

    `fences_met` are those under which this controller acts, by service.
    """

    settings: ProcessSettings
    tasks: Owned = field(default_factory=Owned)
    fences_met: dict[str, Fence] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=captured)
    fences: Fences = field(init=False)
    paths: KnownPaths = field(init=False)
    _client: httpx2.AsyncClient | None = None

    def __post_init__(self) -> None:
        self.fences = Fences(self.settings.instances)
        self.paths = KnownPaths(self.settings.instances)

    @property
    def client(self) -> httpx2.AsyncClient:
        """Give the one HTTP client, made when it is first needed."""
        if self._client is None:
            # It speaks plain HTTP to this host alone, so no certificates are loaded.
            self._client = httpx2.AsyncClient(trust_env=False, verify=False)
        return self._client

    def folder_of(self, instance: str) -> Path:
        """Name the folder of an instance."""
        return self.settings.instances / instance

    def mark_of(self, instance: str) -> str:
        """Give the mark that all processes of an instance carry."""
        return mark_of(self.settings.folder, instance)

    def promise_port(self, instance: str) -> int:
        """Choose a port that is free and promised to nobody else."""
        self.ports.pop(instance, None)
        self.ports[instance] = free_port(set(self.ports.values()))
        return self.ports[instance]

    def changed(self, service: str) -> None:
        """Tell whoever wants to know that something of a service changed."""
        if self.settings.on_change is not None:
            self.settings.on_change(service)

    @contextlib.asynccontextmanager
    async def authority(self, service: str) -> AsyncIterator[bool]:
        """Tell whether no newer controller acts for a service; none begins to within the block."""
        mine = self.fences_met.get(service)
        async with self.fences.held(service) as kept:
            yield mine is not None and kept.epoch <= mine.epoch

    async def close(self) -> None:
        """End all watching."""
        await self.tasks.close()
        if self._client is not None:
            await self._client.aclose()
